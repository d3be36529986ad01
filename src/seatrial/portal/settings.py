"""What an installation's portal is told by its environment, with safe defaults; and Django's settings, which follow.

- `SEATRIAL_MODE` is `embedded` (loopback, SQLite or PostgreSQL) or `production` (PostgreSQL, hosts named, behind TLS).
- A name that begins with `SEATRIAL_` and is not known stops the start and names the nearest: a misspelt setting never
  leaves a default in its place unseen. All that is wrong is said at once.
- No secret stands in the environment: the signing key of sessions is a file that its owner alone reads.
"""

from __future__ import annotations

import difflib
import os
import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from seatrial.notices.server import FROM, MAIL, PASSWORD_FILE, URL, BadMail, MailServer
from seatrial.storage.address import Address
from seatrial.storage.django_setup import DATABASE_ROUTERS, DEFAULT_AUTO_FIELD, INSTALLED_APPS, TASKS

if TYPE_CHECKING:
    from collections.abc import Mapping

KNOWN: Mapping[str, str] = {
    "SEATRIAL_HOME": "the installation's directory",
    "SEATRIAL_DATABASE": "postgresql://user@host:port/name; left out: SQLite in the home",
    "SEATRIAL_DATABASE_PASSWORD_FILE": "the file that holds the database's password",
    "SEATRIAL_LOG_ORIGIN": "the record's name, when it is begun",
    "SEATRIAL_MODE": "embedded or production",
    "SEATRIAL_URL": "the address under which people reach the portal",
    "SEATRIAL_HOSTS": "host names it answers to, separated by commas",
    "SEATRIAL_TRUSTED_PROXY": "yes, where a proxy ends TLS and sets X-Forwarded-Proto",
    "SEATRIAL_SECRET_KEY_FILE": "the file that holds the key of sessions",
    "SEATRIAL_FACTOR_KEY_FILE": "the file that holds the key under which second factors are sealed",
    "SEATRIAL_CUSTODY_URL": "the address under which browsers reach custody's process",
    "SEATRIAL_PORTAL": "the portal that commands act at; read by them, not by the portal",
    "SEATRIAL_PORTAL_TOKEN_FILE": "the file of their service token there",
    "SEATRIAL_MAIL": "smtp://host:port or smtps://user@host:port; left out: notices are kept and not sent",
    "SEATRIAL_MAIL_PASSWORD_FILE": "the file that holds the mail server's password",
    "SEATRIAL_MAIL_FROM": "the address that notices come from",
}
MODES = ("embedded", "production")
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
DEFAULT_URL = "http://localhost:8400"
DEFAULT_CUSTODY_URL = "http://127.0.0.1:8401"
KEY_BYTES = 48
LONGEST = timedelta(hours=12)  # of a session: our decision; NIST SP 800-63B rev. 3 allows 24 hours at AAL2
STEP_UP_S = 900  # a second factor that is asked for again once it is older
PASSWORD_LENGTH = 12  # our decision; NIST SP 800-63B rev. 3 asks for 8 where a second factor follows
STATIC_AGE_S = 60  # of a file whose name stays when its content changes; one named by its content is kept for good
CACHE = "portal_cached"
"""The table that all processes count attempts at sign-in in, see `models`."""
PRIVATE_FILE = 0o600


class BadSettings(ValueError):
    """Settings that do not hold; the text lists all of them, one a line."""


@dataclass(frozen=True, slots=True)
class PortalSettings:
    """One portal's settings, checked."""

    home: Path
    database: Address
    mode: str = "embedded"
    url: str = DEFAULT_URL
    hosts: tuple[str, ...] = LOOPBACK
    trusted_proxy: bool = False
    secret_key_file: Path | None = None
    factor_key_file: Path | None = None
    custody_url: str = DEFAULT_CUSTODY_URL
    mail: str = ""
    mail_password_file: Path | None = None
    mail_from: str = "seatrial@localhost"
    demonstration: bool = False

    @classmethod
    def of(
        cls, home: Path, environment: Mapping[str, str] = os.environ, *, demonstration: bool = False
    ) -> PortalSettings:
        """Read them.

        Raises:
            BadSettings: with everything that is wrong.
        """
        made, faults = cls.read(home, environment, demonstration=demonstration)
        if made is None or faults:
            raise BadSettings("\n".join(faults))
        return made

    @classmethod
    def read(
        cls, home: Path, environment: Mapping[str, str], *, demonstration: bool = False
    ) -> tuple[PortalSettings | None, list[str]]:
        """Read them as far as they go, and all that is wrong; None where the database's address is none."""
        given = {name: value for name, value in environment.items() if name.startswith("SEATRIAL_") and value}
        password = _path(given.get("SEATRIAL_DATABASE_PASSWORD_FILE"))
        hosts = tuple(item.strip() for item in given.get("SEATRIAL_HOSTS", "").split(",") if item.strip())
        try:
            database = Address.of(home, given.get("SEATRIAL_DATABASE", ""), password)
        except ValueError as error:
            return None, [*_unknown(given), str(error)]
        made = cls(
            home=home,
            database=database,
            mode=given.get("SEATRIAL_MODE", "embedded"),
            url=given.get("SEATRIAL_URL", DEFAULT_URL).rstrip("/"),
            hosts=hosts or LOOPBACK,
            trusted_proxy=given.get("SEATRIAL_TRUSTED_PROXY", "") == "yes",
            secret_key_file=_path(given.get("SEATRIAL_SECRET_KEY_FILE")),
            factor_key_file=_path(given.get("SEATRIAL_FACTOR_KEY_FILE")),
            custody_url=given.get("SEATRIAL_CUSTODY_URL", DEFAULT_CUSTODY_URL).rstrip("/"),
            mail=given.get("SEATRIAL_MAIL", ""),
            mail_password_file=_path(given.get("SEATRIAL_MAIL_PASSWORD_FILE")),
            mail_from=given.get("SEATRIAL_MAIL_FROM", "seatrial@localhost"),
            demonstration=demonstration,
        )
        return made, [*_unknown(given), *made.faults()]

    @property
    def production(self) -> bool:
        """Whether others than this host's own users are served."""
        return self.mode == "production"

    def faults(self) -> list[str]:
        """All that does not hold, in words."""
        found = [] if self.mode in MODES else [f"SEATRIAL_MODE: {self.mode!r}; write embedded or production"]
        if urlsplit(self.url).scheme not in {"http", "https"}:
            found.append(f"SEATRIAL_URL: {self.url!r}; write an address with http or https")
        found += self._mail_faults()
        if self.production:
            found += self._production_faults()
        return found

    def _mail_faults(self) -> list[str]:
        """What does not hold of the settings of mail, as the sender reads them."""
        file = self.mail_password_file
        said = {MAIL: self.mail, PASSWORD_FILE: str(file or ""), FROM: self.mail_from, URL: self.url}
        try:
            server = MailServer.of(said)
        except BadMail as error:
            return [str(error)]
        if server is None:
            return []
        wanted = (
            (server.sender.count("@") == 1, f"{FROM}: {server.sender!r}; write an address, name@host"),
            (file is None or file.is_file(), f"{PASSWORD_FILE}: {file}: there is no such file"),
            (file is None or server.user != "", f"{MAIL}: names no user for the password; write smtps://user@host"),
        )
        return [words for holds, words in wanted if not holds]

    def _production_faults(self) -> list[str]:
        wanted = (
            (self.database.engine == "postgresql", "SEATRIAL_DATABASE: production needs PostgreSQL, its second wall"),
            (self.hosts != LOOPBACK, "SEATRIAL_HOSTS: production needs the names it answers to"),
            (self.url.startswith("https://"), "SEATRIAL_URL: production needs an https address"),
            (self.trusted_proxy, "SEATRIAL_TRUSTED_PROXY: production runs behind a proxy that ends TLS; write yes"),
            (self.secret_key_file is not None, "SEATRIAL_SECRET_KEY_FILE: production needs a key file of its own"),
            (not self.demonstration, "--demo: a demonstration has fictional parties and is not for production"),
        )
        return [words for holds, words in wanted if not holds]

    def secret_key(self) -> str:
        """The key of sessions; in an embedded installation it is made when it is missing."""
        path = self.secret_key_file or self.home / "keys" / "portal.secret"
        if not path.exists() and self.secret_key_file is None:
            for folder in (self.home, path.parent):  # of parents that it makes, mkdir sets no mode
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "w") as file:  # noqa: PTH123
                file.write(secrets.token_urlsafe(KEY_BYTES))
        if path.stat().st_mode & 0o077:
            raise BadSettings(f"{path}: others can read it; run: chmod 600 {path}")
        return path.read_text().strip()

    def factor_key(self) -> Path:
        """Where the key of second factors is; every process of an installation has the same."""
        return self.factor_key_file or self.home / "keys" / "portal.factors"


def _path(given: str | None) -> Path | None:
    return Path(given) if given else None


def _unknown(given: Mapping[str, str]) -> list[str]:
    found = []
    for name in sorted(set(given) - set(KNOWN)):
        near = difflib.get_close_matches(name, KNOWN, n=1)
        found.append(f"{name}: no such setting" + (f"; do you mean {near[0]}?" if near else ""))
    return found


def django_settings(place: PortalSettings) -> dict[str, Any]:
    """All of Django's settings, from one portal's."""
    secure = place.url.startswith("https://")
    return {
        "SECRET_KEY": place.secret_key(),
        "DEBUG": False,
        "ALLOWED_HOSTS": [*place.hosts, *(("testserver",) if not place.production else ())],
        "ROOT_URLCONF": "seatrial.portal.urls",
        "INSTALLED_APPS": [*INSTALLED_APPS, *_APPS],
        "MIDDLEWARE": list(_MIDDLEWARE),
        "TEMPLATES": [_TEMPLATES],
        "DATABASES": {"default": place.database.settings(writing=True)},
        "DATABASE_ROUTERS": DATABASE_ROUTERS,
        "DEFAULT_AUTO_FIELD": DEFAULT_AUTO_FIELD,
        "TASKS": TASKS,
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "LANGUAGE_CODE": "en-us",
        "STATIC_URL": "/static/",
        "STATIC_ROOT": str(Path(__file__).parent / "static"),
        "SESSION_COOKIE_AGE": int(LONGEST.total_seconds()),
        "SESSION_EXPIRE_AT_BROWSER_CLOSE": True,
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_COOKIE_NAME": "__Host-seatrial" if secure else "seatrial",
        "CSRF_COOKIE_SECURE": secure,
        "CSRF_COOKIE_NAME": "__Host-seatrial-form" if secure else "seatrial-form",
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_TRUSTED_ORIGINS": [place.url],
        "CSRF_FAILURE_VIEW": "seatrial.portal.errors.bad_form",
        "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https") if place.trusted_proxy else None,
        "SECURE_HSTS_SECONDS": 31_536_000 if place.production else 0,
        "SECURE_REFERRER_POLICY": "same-origin",
        "MESSAGE_STORAGE": "django.contrib.messages.storage.session.SessionStorage",
        "AUTHENTICATION_BACKENDS": ["allauth.account.auth_backends.AuthenticationBackend"],
        "LOGIN_URL": "/account/login/",
        "LOGIN_REDIRECT_URL": "/",
        "CACHES": {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": CACHE, **_COUNTS}},
        "AUTH_PASSWORD_VALIDATORS": [{"NAME": f"{_VALIDATION}.{name}", **more} for name, more in _PASSWORDS.items()],
        "ALLAUTH_TRUSTED_PROXY_COUNT": int(place.trusted_proxy),
        "LOGGING_CONFIG": None,
        "WHITENOISE_MAX_AGE": STATIC_AGE_S,
        "WHITENOISE_ALLOW_ALL_ORIGINS": False,
        "SILENCED_SYSTEM_CHECKS": [],
        **_ACCOUNTS,
    }


_APPS = (
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "seatrial.portal.app.Portal",
)
_MIDDLEWARE = (
    "seatrial.portal.logs.Requests",
    "seatrial.portal.headers.Headers",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "seatrial.portal.identity.sessions.Sessions",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "seatrial.portal.acting.ActingMiddleware",
)
_TEMPLATES = {
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "DIRS": [str(Path(__file__).parent / "templates")],
    "APP_DIRS": True,
    "OPTIONS": {
        "builtins": [f"seatrial.portal.templatetags.{name}" for name in ("components", "fields", "formats", "wording")],
        "context_processors": [
            "django.template.context_processors.request",
            "django.contrib.auth.context_processors.auth",
            "django.contrib.messages.context_processors.messages",
            "seatrial.portal.context.page",
        ],
    },
}
_COUNTS: Mapping[str, Any] = {"OPTIONS": {"MAX_ENTRIES": 100_000}}
"""Django throws entries of a full cache away, and with 300, its own choice, anybody could fill it and count anew."""
_VALIDATION = "django.contrib.auth.password_validation"
_PASSWORDS: Mapping[str, dict[str, Any]] = {
    "MinimumLengthValidator": {"OPTIONS": {"min_length": PASSWORD_LENGTH}},
    "UserAttributeSimilarityValidator": {"OPTIONS": {"user_attributes": ("username",)}},
    "CommonPasswordValidator": {},
}
_ACCOUNTS: Mapping[str, Any] = {
    "ACCOUNT_ADAPTER": "seatrial.portal.identity.adapters.AccountAdapter",
    "ACCOUNT_LOGIN_METHODS": {"username"},
    "ACCOUNT_SIGNUP_FIELDS": ["username*", "password1*", "password2*"],
    "ACCOUNT_EMAIL_VERIFICATION": "none",
    "ACCOUNT_SESSION_REMEMBER": False,
    "ACCOUNT_REAUTHENTICATION_TIMEOUT": STEP_UP_S,
    "ACCOUNT_RATE_LIMITS": {"login": "30/m/ip", "login_failed": "20/m/ip,5/5m/key", "reauthenticate": "10/m/user"},
    "MFA_ADAPTER": "seatrial.portal.identity.adapters.FactorAdapter",
    "MFA_FORMS": {
        "activate_totp": "seatrial.portal.forms.account.CodesForm",
        "add_webauthn": "seatrial.portal.forms.account.PasskeyForm",
    },
    "MFA_SUPPORTED_TYPES": ["totp", "webauthn", "recovery_codes"],
    "MFA_PASSKEY_LOGIN_ENABLED": True,
    "MFA_WEBAUTHN_USER_VERIFICATION": "required",
    "MFA_RECOVERY_CODES_SHOW_ONCE": True,
}
