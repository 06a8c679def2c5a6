"""Documents: what a job has written, as one file to keep, print or send.

A kind of job hands over a `Manuscript`: a title, texts in Markdown, and what is known about them. `compose` parses it
once into a `Document`, whose parts consist of blocks and spans. Every writer walks those, so that all formats hold the
same text, and no writer reads Markdown. The texts come from a model, or from a caller: nothing in them is executed or
looked up. `FORMATS` is the registry of the writers.
"""
