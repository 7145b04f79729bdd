"""`course replicate`: a lesson's measured claims on fresh seeds, and what is kept of that.

`lesson` runs the cells of one lesson on one base, in a process of its own; `code` tells when that
has to be done again; `plan` says which runs are missing; `local` and `cluster` make them;
`summary` counts what came out.
"""
