"""The filter language that segments, campaigns, workflows, lists and exports share.

`tree` reads it, `vocabulary` says what it can speak of, `compiling` turns it into one
condition in SQL, `matching` asks for the contacts, `explaining` says it in English and
`counting` counts with a limit of time. docs/segments.md has the language with examples.
"""
