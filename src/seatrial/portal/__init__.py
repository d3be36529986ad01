"""The doors: web pages, API and sign-in over one installation. It holds no rule of its own.

`opening.set_up` sets Django up and `opening.serve` names the installation; `routes.ROUTES` is the table of every page
with its roles, `operations` that of the API.
"""
