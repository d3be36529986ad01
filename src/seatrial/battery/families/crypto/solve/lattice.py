"""Lattice reduction with integers: LLL (Cohen, A Course in Computational Algebraic Number Theory, algorithm 2.6.7)."""

from math import gcd

Vector = list[int]


def reduced(basis: list[Vector]) -> list[Vector]:  # noqa: C901 - the algorithm's four steps share its state
    """An LLL-reduced basis (factor 3/4) of independent integer vectors."""
    b = [list(vector) for vector in basis]
    size = len(b)
    d = [1] + [0] * size  # d[i+1] is the Gram determinant of the first i+1 vectors
    mu = [[0] * size for _ in range(size)]  # mu[i][j] = d[j+1] * Gram-Schmidt coefficient

    def orthogonalise(k: int) -> None:
        for j in range(k + 1):
            u = _dot(b[k], b[j])
            for i in range(j):
                u = (d[i + 1] * u - mu[k][i] * mu[j][i]) // d[i]
            if j < k:
                mu[k][j] = u
            else:
                d[k + 1] = u

    def shorten(k: int, other: int) -> None:
        if 2 * abs(mu[k][other]) <= d[other + 1]:
            return
        q = (2 * mu[k][other] + d[other + 1]) // (2 * d[other + 1])
        b[k] = [x - q * y for x, y in zip(b[k], b[other], strict=True)]
        mu[k][other] -= q * d[other + 1]
        for i in range(other):
            mu[k][i] -= q * mu[other][i]

    def swap(k: int, highest: int) -> None:
        b[k], b[k - 1] = b[k - 1], b[k]
        for j in range(k - 1):
            mu[k][j], mu[k - 1][j] = mu[k - 1][j], mu[k][j]
        m = mu[k][k - 1]
        new = (d[k - 1] * d[k + 1] + m * m) // d[k]
        for i in range(k + 1, highest + 1):
            t = mu[i][k]
            mu[i][k] = (d[k + 1] * mu[i][k - 1] - m * t) // d[k]
            mu[i][k - 1] = (new * t + m * mu[i][k]) // d[k + 1]
        d[k] = new

    orthogonalise(0)
    k, highest = 1, 0
    while k < size:
        if k > highest:
            highest = k
            orthogonalise(k)
        shorten(k, k - 1)
        if 4 * (d[k + 1] * d[k - 1] + mu[k][k - 1] ** 2) < 3 * d[k] ** 2:
            swap(k, highest)
            k = max(1, k - 1)
        else:
            for other in range(k - 2, -1, -1):
                shorten(k, other)
            k += 1
    return b


def nearest(basis: list[Vector], target: Vector) -> Vector:
    """A lattice vector near the target (Babai's nearest plane), for a reduced basis."""
    size = len(basis)
    rest = list(target)
    stars: list[Vector] = []  # Gram-Schmidt vectors, each up to a positive factor so that they stay integers
    norms: list[int] = []
    for vector in basis:
        star = list(vector)
        for other, norm in zip(stars, norms, strict=True):
            product = _dot(star, other)
            star = [norm * x - product * y for x, y in zip(star, other, strict=True)]
        common = gcd(*star)
        star = [x // common for x in star]
        stars.append(star)
        norms.append(_dot(star, star))
    for i in range(size - 1, -1, -1):
        above, below = _dot(rest, stars[i]), _dot(basis[i], stars[i])
        q = (2 * above + below) // (2 * below)
        rest = [x - q * y for x, y in zip(rest, basis[i], strict=True)]
    return [x - y for x, y in zip(target, rest, strict=True)]


def _dot(first: Vector, second: Vector) -> int:
    return sum(x * y for x, y in zip(first, second, strict=True))
