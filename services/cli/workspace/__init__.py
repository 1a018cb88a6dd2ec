"""The workspace folder: read, checked with file:line:column findings, and turned into the published document."""
