"""The course as a site of static pages, alive without a kernel: `course site`."""
