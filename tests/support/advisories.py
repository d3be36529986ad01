"""Advisory sets for tests: some written by hand, and a strategy that draws any that can be published."""

import re
from datetime import UTC, datetime, timedelta
from itertools import product as every

from hypothesis import strategies as st

from seatrial.clearinghouse.finding import AiOrigin
from seatrial.clearinghouse.publish.advisory_set import (
    AdvisorySet,
    Credit,
    Justification,
    Part,
    Place,
    Product,
    Publisher,
    Reference,
    Remediation,
    Remedy,
    Revision,
    Status,
    Verdict,
    Vulnerability,
)
from seatrial.clearinghouse.rating import ssvc
from seatrial.framework.data_class import Tlp

AT = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
PUBLISHER = Publisher(
    name="House of Findings",
    namespace="https://findings.example",
    contact="desk@findings.example",
    advisories="https://findings.example/csaf/white",
)
CVSS_4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
CVSS_3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


def small(**changes: object) -> AdvisorySet:
    """One affected product, one vulnerability, nothing that may be left out."""
    plain: dict[str, object] = {
        "id": "SC-2026-0001",
        "title": "Overflow in a parser",
        "summary": "A file makes the parser write past its buffer.",
        "publisher": Publisher(name="House", namespace="https://findings.example"),
        "revisions": (Revision(number=1, at=AT, summary="First version"),),
        "products": (Product(key="tiny", vendor="Tiny", name="Tiny XML"),),
        "vulnerabilities": (
            Vulnerability(
                key="root-1",
                title="Heap overflow in parse_attribute",
                description="A long attribute is copied into a buffer of 64 bytes.",
                verdicts=(Verdict(product="tiny", status=Status.AFFECTED),),
            ),
        ),
    }
    return AdvisorySet.model_validate({**plain, **changes})


def large() -> AdvisorySet:
    """Several vendors, several vulnerabilities, every field."""
    return AdvisorySet(
        id="SC-2026-0042",
        title='Two roots in "tiny" parsers: <length> & \\offset\\ | größer, 名前, 🐟',
        summary="Line one.\n\n* a list\n* with `code` and <b>no</b> HTML\tand a tab",
        publisher=PUBLISHER,
        tlp=Tlp.TLP_CLEAR,
        state="final",
        revisions=(
            Revision(number=1, at=AT, summary="First version"),
            Revision(number=2, at=AT + timedelta(days=14), summary="Fixed versions"),
        ),
        products=(
            Product(
                key="tiny-range", vendor="Tiny", name="tiny-xml", vers="vers:pypi/>=1.0|<1.4.2",
                purl="pkg:pypi/tiny-xml", cpe="cpe:2.3:a:tiny:tiny-xml:*:*:*:*:*:python:*:*", repo="https://git.example/tiny/xml",
            ),
            Product(key="tiny-fixed", vendor="Tiny", name="tiny-xml", version="1.4.2", purl="pkg:pypi/tiny-xml@1.4.2"),
            Product(key="acme", vendor="Acme & Söhne", name="Pump <3>", version="7.1 and earlier"),
            Product(
                key="maven", vendor="Org", name="core", vers="vers:maven/1.2|>=2.0|<=2.9", purl="pkg:maven/org.x/core"
            ),
            Product(key="suite", vendor="Acme & Söhne", name="Suite", version="2026.1"),
        ),
        vulnerabilities=(
            Vulnerability(
                key="root-1", title="Heap overflow in parse_attribute", description="Copied without a bound.",
                cve="CVE-2026-12345", ghsa="GHSA-2345-6789-cfgh", ids=(("Tiny bug tracker", "TX-77"),),
                cwes=("CWE-122", "CWE-787"), cvss_4=CVSS_4, cvss_3=CVSS_3,
                ssvc={"E": "P", "EXP": "O", "A": "Y", "HI": "H"},
                discovered=AT - timedelta(days=90), disclosed=AT, exploited_since=AT - timedelta(days=1),
                verdicts=(
                    Verdict(product="tiny-range", status=Status.AFFECTED),
                    Verdict(product="tiny-fixed", status=Status.FIXED),
                    Verdict(product="acme", status=Status.AFFECTED, action="Do not open files of others."),
                    Verdict(
                        product="suite", status=Status.NOT_AFFECTED, justification=Justification.CODE_NOT_EXECUTED,
                        impact="The parser is not called.",
                    ),
                    Verdict(product="maven", status=Status.UNDER_INVESTIGATION),
                ),
                remediations=(
                    Remediation(
                        kind=Remedy.VENDOR_FIX, details="Update to 1.4.2.", products=("tiny-range",),
                        url="https://tiny.example/1.4.2",
                    ),
                ),
                references=(Reference(url="https://tiny.example/a?b=c&d=%20e", summary="Report", kind="report"),),
                credits=(Credit(name="Ana María", part=Part.FINDER, organization="Lab", url="https://lab.example"),),
                places=(
                    Place(
                        path="src/parse.c", start_line=120, end_line=122, function="parse_attribute",
                        excerpt="memcpy(b, s, n);",
                    ),
                ),
            ),
            Vulnerability(
                key="root-2", title="No id yet", description="A second root.", cvss_3=CVSS_3, cwes=("CWE-20",),
                verdicts=(Verdict(product="maven", status=Status.AFFECTED),),
                remediations=(Remediation(kind=Remedy.NO_FIX_PLANNED, details="End of life."),),
            ),
        ),
        references=(Reference(url="https://findings.example/SC-2026-0042", summary="Page", kind="advisory"),),
        credits=(Credit(name="House of Findings", part=Part.COORDINATOR),),
        ai_origin=AiOrigin.GENERATED,
        patch_ai_origin=AiOrigin.ANNOTATED,
    )  # fmt: skip


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=40)
prose = _TEXT.filter(lambda text: text.strip())
line = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=30
).filter(lambda text: text.strip())
keys = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,12}", fullmatch=True)
urls = st.from_regex(
    r"https://[a-z]{1,8}\.example(/[A-Za-z0-9._~!$&'()*+,;=:@-]{0,10}){0,3}(\?[a-z]=[a-z%]{0}[0-9]{0,3})?",
    fullmatch=True,
)
instants = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds it
versions = st.sampled_from(
    [
        "1.0",
        "0",
        "v2",
        "1.2.3-rc.1+b5",
        "2026-10",
        "1.x",
        "all",
        "prior to 3",
        "R2 SP1",
        "< 4",
        "1:2.3-4ubuntu5",
        "*",
        "Ω",
    ]
)
ranges = st.sampled_from(
    [
        "vers:npm/>=1.0.0|<2.0.0", "vers:pypi/<1.4", "vers:golang/>=1.0.0|<=1.9.9", "vers:maven/1.0|>=2.0|<3.0",
        "vers:deb/>1.0-1|!=1.5-1|<2.0-1", "vers:generic/*", "vers:cargo/>=0.1.0", "vers:intdot/1.2.3",
        "vers:rpm/>=1.0%2B1|<2", "vers:all/*", "vers:gem/<=2.0|>=3.0|<3.1",
    ]
)  # fmt: skip
purls = st.sampled_from(
    [
        "", "", "pkg:npm/%40scope/name", "pkg:npm/left", "pkg:pypi/django_allauth", "pkg:golang/example.com/a/b",
        "pkg:maven/org.apache/x", "pkg:cargo/serde", "pkg:gem/rails", "pkg:deb/debian/curl?arch=i386&distro=jessie",
        "pkg:generic/openssl", "pkg:github/owner/repo", "pkg:nuget/A.B", "pkg:composer/a/b", "pkg:rpm/fedora/curl",
        "pkg:swift/github.com/x/y", "pkg:hex/phoenix", "pkg:pub/http", "pkg:conan/zlib", "pkg:apk/alpine/curl?arch=x86",
    ]
)  # fmt: skip
cpes = st.sampled_from(["", "cpe:2.3:a:ven:prod:1.0:*:*:*:*:*:*:*", r"cpe:2.3:o:a\+b:c\!d:-:*:*:en-us:*:*:*:*"])
vectors_3 = st.builds(
    "CVSS:3.1/AV:{}/AC:{}/PR:{}/UI:{}/S:{}/C:{}/I:{}/A:{}{}".format,
    *(st.sampled_from(v) for v in ("NALP", "LH", "NLH", "NR", "UC", "HLN", "HLN", "HLN", ("", "/E:P", "/MAV:L/CR:H"))),
)
vectors_4 = st.builds(
    "CVSS:4.0/AV:{}/AC:{}/AT:{}/PR:{}/UI:{}/VC:{}/VI:{}/VA:{}/SC:{}/SI:{}/SA:{}{}".format,
    *(
        st.sampled_from(v)
        for v in ("NALP", "LH", "NP", "NLH", "NPA", *(("HLN",) * 6), ("", "/E:P", "/MAV:L/CR:H", "/AU:Y/U:Red"))
    ),
)
cwes = st.sampled_from([79, 787, 416, 20, 1427, 1434, 121, 1004]).map(lambda number: f"CWE-{number}")


@st.composite
def products(draw: st.DrawFn, key: str) -> Product:
    shape = draw(st.sampled_from(["version", "vers", "none"]))
    return Product(
        key=key,
        vendor=draw(line),
        name=draw(line),
        version=draw(versions) if shape == "version" else "",
        vers=draw(ranges) if shape == "vers" else "",
        purl=draw(purls),
        cpe=draw(cpes),
        repo=draw(st.none() | urls),
    )


@st.composite
def verdicts(draw: st.DrawFn, key: str) -> Verdict:
    status = draw(st.sampled_from(Status))
    reasoned = status is Status.NOT_AFFECTED
    justification = draw(st.none() | st.sampled_from(Justification)) if reasoned else None
    impact = draw(prose) if reasoned and (justification is None or draw(st.booleans())) else ""
    return Verdict(
        product=key, status=status, justification=justification, impact=impact, action=draw(st.just("") | prose)
    )


references = st.builds(
    Reference,
    url=urls,
    summary=line,
    kind=st.sampled_from(["advisory", "article", "report", "fix", "package", "evidence", "detection", "web"]),
)
credit = st.builds(Credit, name=line, part=st.sampled_from(Part), organization=st.just("") | line, url=st.none() | urls)
places = st.builds(
    Place,
    path=st.from_regex(r"[A-Za-z0-9_. ()#-]{1,8}(/[A-Za-zäß_.]{1,8}){0,2}", fullmatch=True).filter(
        lambda text: text.strip() == text and not re.search(r"(^|/)\.{1,2}(/|$)", text)
    ),
    start_line=st.integers(1, 500),
    end_line=st.integers(0, 600),
    function=st.just("") | line,
    excerpt=st.just("") | prose,
)


HAVE = (
    [Remedy.NONE_AVAILABLE],
    [Remedy.VENDOR_FIX, Remedy.MITIGATION, Remedy.WORKAROUND],
    [Remedy.FIX_PLANNED, Remedy.MITIGATION, Remedy.WORKAROUND],
    [Remedy.NO_FIX_PLANNED, Remedy.MITIGATION, Remedy.WORKAROUND],
)
"""Remedies that can be true together."""


@st.composite
def vulnerabilities(draw: st.DrawFn, key: str, product_keys: list[str], number: int) -> Vulnerability:
    judged = draw(st.lists(st.sampled_from(product_keys), min_size=1, unique=True))
    have = draw(st.sampled_from(HAVE))
    table = draw(st.sampled_from([name for name in ssvc.TABLES if name != "bod_26_04"]))
    points = ssvc.table(table).points
    chosen = draw(st.lists(st.sampled_from(points), unique=True, max_size=len(points)))
    return Vulnerability(
        key=key,
        title=draw(line),
        description=draw(prose),
        cve=draw(st.sampled_from(["", f"CVE-2026-{10000 + number}"])),
        ghsa=draw(st.sampled_from(["", f"GHSA-2345-6789-cf{'ghjmpqrvwx'[number % 10]}{'23456789'[number % 8]}"])),
        ids=tuple(draw(st.lists(st.tuples(line, line), max_size=2))),
        cwes=tuple(draw(st.lists(cwes, max_size=2))),
        cvss_4=draw(st.just("") | vectors_4),
        cvss_3=draw(st.just("") | vectors_3),
        ssvc_table=table,
        ssvc={point.key: draw(st.sampled_from(point.values)).key for point in chosen},
        discovered=draw(st.none() | instants),
        disclosed=draw(st.none() | instants),
        exploited_since=draw(st.none() | instants),
        verdicts=tuple(draw(verdicts(each)) for each in judged),
        remediations=tuple(
            Remediation(
                kind=draw(st.sampled_from(have)),
                details=draw(prose),
                products=tuple(draw(st.lists(st.sampled_from(product_keys), unique=True, max_size=2))),
                url=draw(st.none() | urls),
            )
            for _ in range(draw(st.integers(0, 2)))
        ),
        references=tuple(draw(st.lists(references, max_size=2))),
        credits=tuple(draw(st.lists(credit, max_size=2))),
        places=tuple(draw(st.lists(places, max_size=2))),
        shown=draw(st.sampled_from(["reproduced", "reviewed"])),
    )


@st.composite
def advisory_sets(draw: st.DrawFn) -> AdvisorySet:
    product_keys = draw(st.lists(keys, min_size=1, max_size=4, unique=True))
    vulnerability_keys = draw(st.lists(keys, min_size=1, max_size=3, unique=True))
    tlp = draw(st.sampled_from(Tlp))
    times = sorted(draw(st.lists(instants, min_size=1, max_size=3)))
    return AdvisorySet(
        id=draw(keys),
        title=draw(line),
        summary=draw(prose),
        publisher=draw(st.sampled_from([PUBLISHER, Publisher(name="Ω & <House>", namespace="https://x.example")])),
        tlp=tlp,
        state=draw(st.sampled_from(["draft", "interim", "final"])),
        revisions=tuple(Revision(number=n, at=at, summary=draw(line)) for n, at in enumerate(times, 1)),
        products=tuple(draw(products(key)) for key in product_keys),
        vulnerabilities=tuple(
            draw(vulnerabilities(key, product_keys, number)) for number, key in enumerate(vulnerability_keys)
        ),
        references=tuple(draw(st.lists(references, max_size=2))),
        credits=tuple(draw(st.lists(credit, max_size=2))),
        ai_origin=draw(st.sampled_from(AiOrigin)),
        patch_ai_origin=draw(st.sampled_from(AiOrigin)),
        sharing_group=draw(st.sampled_from([None, "5b0c1f2e-8f44-4f6b-9a51-2f0d6c1d7e90"]))
        if tlp is not Tlp.TLP_CLEAR
        else None,
    )


def crowded(vendors: int = 40, versions_each: int = 10) -> AdvisorySet:
    """Many vendors and products, every status."""
    listed = [
        Product(key=f"p-{v}-{n}", vendor=f"Vendor {v}", name="Product", version=f"{n}.0", purl=f"pkg:npm/p{v}@{n}.0")
        for v, n in every(range(vendors), range(versions_each))
    ]
    statuses = list(Status)
    judged = tuple(
        Verdict(product=product.key, status=status, impact="not built in" if status is Status.NOT_AFFECTED else "")
        for number, product in enumerate(listed)
        for status in [statuses[number % 4]]
    )
    first = small().vulnerabilities[0]
    return small(products=tuple(listed), vulnerabilities=(first.model_copy(update={"verdicts": judged}),))
