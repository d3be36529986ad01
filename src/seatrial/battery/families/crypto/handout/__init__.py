"""Programs that lie in /challenge beside the data they made; the generator itself runs this very code.

Each file stands alone and names nothing of the house. From the second level on they are delivered without comments
and with neutral names (`style.py`).
"""
