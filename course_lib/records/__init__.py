"""What fresh seeds said: records of measured claims, and the status that follows from them.

`measurement`: one claim measured on one base; `store`: the files beside this one, which are only
ever added to; `standing`: confirmed, reversed, … ; `leaning`: who states a result, and on what it
rests.
"""
