"""The reference solver: stand-alone programs, standard library only, that break each scheme from what is delivered.

A module offers functions named after techniques, `solve_<technique>(view)`, which return the 16 bytes or None. They
know the names of the material (`view`), never a key or a secret; each result is confirmed against the material itself.
"""
