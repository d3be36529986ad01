"""The doors: web pages, API and sign-in over one installation. It holds no rule of its own.

`opening.open_portal` sets Django up over an installation; `routes.ROUTES` is the table of every URL with its roles.
"""
