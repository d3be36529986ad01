"""The table of every page: name, path, who may read it, who may act on it. What is not here does not exist.

- A role that a line does not name gets the answer of a page that is not there.
- What somebody sees behind a line is the stores' and `access.decide`'s to say; a line only lets them ask.
"""

from __future__ import annotations

from allauth.account import views as sign_in
from allauth.mfa.base import views as factors
from allauth.mfa.recovery_codes import views as recovery
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn

from seatrial.framework.framework_text import READERS, TEXT_KEYS
from seatrial.framework.participant import Role
from seatrial.portal.access import ANYBODY, NOBODY, SIGNED_IN, Route
from seatrial.portal.identity.assurance import Need
from seatrial.portal.pages import (
    account,
    acting,
    advisories,
    agency,
    agreements,
    audit,
    briefs,
    calls,
    consents,
    countersign,
    drafts,
    due,
    feeds,
    findings,
    framework_text,
    grants,
    health,
    live,
    model_access,
    notices,
    offers,
    oidc,
    operators,
    people,
    public,
    publication,
    record,
    reports,
    reviews,
    runs,
    scrutiny,
    submissions,
    withdrawal,
)

OWNER = frozenset({Role.DEVELOPER_OWNER})
PROPOSING = TEXT_KEYS.first
CASE = frozenset({Role.ANALYST, Role.VERIFIER, Role.COORDINATOR, Role.CLEARINGHOUSE_LEAD})
FINDINGS = CASE | {Role.MAINTAINER}
GRANTED = frozenset({Role.AGENCY_READER, Role.DESIGNATION_LIAISON, Role.ANALYST, Role.CLEARINGHOUSE_LEAD})
ADVISED = FINDINGS | {Role.INFRASTRUCTURE_OPERATOR, Role.AGENCY_READER}
AUDITOR = frozenset({Role.AUDITOR})
DEVELOPER = OWNER | {Role.DEVELOPER_COUNSEL}
SIGNING = DEVELOPER | {Role.EVALUATOR_LEAD}
KEYS = OWNER | {Role.EVALUATOR_LEAD}
EVALUATOR = frozenset({Role.EVALUATOR})
LEAD = frozenset({Role.EVALUATOR_LEAD})
EVALUATING = EVALUATOR | LEAD
PARTIES = DEVELOPER | EVALUATING | {Role.DESIGNATION_LIAISON}
OPERATOR = frozenset({Role.OPERATOR})
PROGRAMS = SIGNED_IN - {Role.OPERATOR}
READING = PARTIES | {Role.AGENCY_READER, Role.TRUSTED_PARTNER, Role.AUDITOR}

ROUTES: tuple[Route, ...] = (
    # For everybody
    Route("home", "", public.home, ANYBODY),
    Route("accessibility", "accessibility/", public.accessibility, ANYBODY),
    Route("participants", "participants/", public.participants, ANYBODY),
    Route("pack", "packs/<str:name>/", public.pack, ANYBODY),
    Route("statistics", "statistics/", public.statistics, ANYBODY),
    Route("reports", "reports/", public.reports, ANYBODY),
    Route("report", "reports/<str:name>/", public.report, ANYBODY),
    Route("report-file", "reports/<str:name>/<str:file>", public.report_file, ANYBODY),
    Route("commitments", "commitments/", public.commitments, ANYBODY),
    Route("verify", "verify/", public.verify, ANYBODY, ANYBODY),
    Route("record", "record/", record.show, ANYBODY),
    Route("keys", "keys/", record.keys, ANYBODY),
    Route("ledger-checkpoint", "ledger/checkpoint", record.checkpoint, ANYBODY),
    Route("ledger-tile", "ledger/tile/<path:path>", record.tile, ANYBODY),
    # The framework's own text: proposed, commented on, adopted by two keys
    Route("texts", "framework/", framework_text.index, READERS),
    Route("text-propose", "framework/propose/", framework_text.propose, PROPOSING, PROPOSING),
    Route("text", "framework/<str:name>/", framework_text.show, READERS),
    Route("text-file", "framework/<str:name>/text/", framework_text.text, READERS),
    Route("text-step", "framework/<str:name>/steps/<str:event>/", framework_text.step, READERS, READERS),
    Route("text-revise", "framework/<str:name>/revise/", framework_text.revise, PROPOSING, PROPOSING),
    Route("text-key", "framework/<str:name>/key/", framework_text.key, NOBODY, PROPOSING, Need.SIGNING),
    Route("text-adopt", "framework/<str:name>/adopt/", framework_text.adopt, NOBODY, PROPOSING, Need.SIGNING),
    # Agencies: what was granted to them, and what they are asked
    Route("granted", "granted/", agency.granted, GRANTED),
    Route("granted-report", "granted/<str:name>/<str:grant>/", agency.report, GRANTED),
    Route("inquiries", "inquiries/", agency.inquiries, frozenset({Role.DESIGNATION_LIAISON})),
    # Findings and advisories
    Route("findings", "findings/", findings.index, FINDINGS),
    Route("finding", "findings/<str:name>/", findings.show, FINDINGS),
    Route("finding-step", "findings/<str:name>/steps/<str:event>/", findings.step, FINDINGS, FINDINGS),
    Route("finding-paper", "findings/<str:name>/papers/<str:digest>/", findings.paper, FINDINGS, needs=Need.PASSKEY),
    Route("advisories", "advisories/", advisories.index, ADVISED),
    Route("advisory", "advisories/<str:name>/", advisories.show, ADVISED),
    Route("annex", "annex/", advisories.annex, ADVISED),
    # Auditors: the record entry by entry, rows against it, who read what
    Route("audit", "audit/", audit.index, AUDITOR),
    Route("audit-entry", "audit/entries/<int:index>/", audit.entry, AUDITOR),
    Route("audit-receipt", "audit/entries/<int:index>/receipt/", audit.receipt, AUDITOR),
    Route("audit-growth", "audit/growth/", audit.growth, AUDITOR),
    Route("audit-agreement", "audit/agreement/", audit.agreement, AUDITOR, AUDITOR),
    Route("audit-reads", "audit/reads/", audit.reads, AUDITOR),
    # Of all that somebody sees
    Route("due-list", "due/", due.index, PROGRAMS),
    # For whoever watches over the installation
    Route("lives", "healthz", health.lives, ANYBODY),
    Route("ready", "readyz", health.is_ready, ANYBODY),
    # Who acts
    Route("acting", "acting/", acting.choose, NOBODY, SIGNED_IN),
    # Who somebody is: sign-in, second factors, invitations; these pages look themselves whether anybody is signed in
    Route("account_login", "account/login/", account.SignIn.as_view(), ANYBODY, ANYBODY),
    Route("account_logout", "account/logout/", sign_in.logout, ANYBODY, ANYBODY),
    Route("account_inactive", "account/ended/", sign_in.account_inactive, ANYBODY),
    Route("account_reauthenticate", "account/again/", account.local(sign_in.reauthenticate), ANYBODY, ANYBODY),
    Route(
        "account_change_password",
        "account/password/",
        account.local(account.ChangePassword.as_view()),
        ANYBODY,
        ANYBODY,
        Need.FRESH,
    ),
    Route("account", "account/", account.show, ANYBODY),
    Route("mfa_index", "account/factors/", account.show, ANYBODY),
    Route("mfa_authenticate", "account/factors/code/", factors.authenticate, ANYBODY, ANYBODY),
    Route("mfa_reauthenticate", "account/factors/again/", account.local(factors.reauthenticate), ANYBODY, ANYBODY),
    Route("mfa_activate_totp", "account/factors/app/", account.local(totp.activate_totp), ANYBODY, ANYBODY),
    Route("mfa_deactivate_totp", "account/factors/app/remove/", account.local(totp.deactivate_totp), ANYBODY, ANYBODY),
    Route("mfa_add_webauthn", "account/passkeys/add/", account.local(webauthn.add_webauthn), ANYBODY, ANYBODY),
    Route("mfa_list_webauthn", "account/passkeys/", account.show, ANYBODY),
    Route("mfa_login_webauthn", "account/passkeys/login/", webauthn.login_webauthn, ANYBODY, ANYBODY),
    Route(
        "mfa_reauthenticate_webauthn",
        "account/passkeys/again/",
        account.local(webauthn.reauthenticate_webauthn),
        ANYBODY,
        ANYBODY,
    ),
    Route(
        "mfa_remove_webauthn",
        "account/passkeys/<int:pk>/remove/",
        account.local(account.remove_passkey),
        ANYBODY,
        ANYBODY,
    ),
    Route("mfa_view_recovery_codes", "account/recovery/", account.local(recovery.view_recovery_codes), ANYBODY),
    Route(
        "mfa_generate_recovery_codes",
        "account/recovery/new/",
        account.local(recovery.generate_recovery_codes),
        ANYBODY,
        ANYBODY,
    ),
    Route("invitation", "invitation/", account.invitation, ANYBODY, ANYBODY),
    Route("invitation-accept", "invitation/accept/", account.accept, ANYBODY, ANYBODY),
    Route("oidc-start", "account/provider/<str:name>/", oidc.start, ANYBODY),
    Route("oidc-callback", "account/provider/", oidc.callback, ANYBODY),
    # One's own organisation: its people, and the tokens of its services
    Route("members", "people/", people.members, SIGNED_IN, SIGNED_IN),
    Route("invitation-withdraw", "people/invitations/<str:name>/", people.withdraw_invitation, NOBODY, SIGNED_IN),
    Route("leave", "people/<str:person>/<str:role>/end/", people.leave, SIGNED_IN, SIGNED_IN),
    Route("tokens", "tokens/", people.tokens, PROGRAMS, PROGRAMS),
    Route("token-revoke", "tokens/<str:name>/revoke/", people.revoke_token, NOBODY, PROGRAMS),
    # A published report, for people
    Route("brief", "reports/<str:name>/brief/", briefs.show, ANYBODY),
    Route("brief-text", "reports/<str:name>/brief/text", briefs.as_text, ANYBODY),
    # What waits and what changed: on a page, by mail, by feed
    Route("due", "digest/", notices.due, SIGNED_IN),
    Route("notices", "notices/settings/", notices.settings, SIGNED_IN, SIGNED_IN),
    Route("notices-confirm", "notices/confirm/", notices.confirm, NOBODY, SIGNED_IN),
    Route("notices-remove", "notices/remove/", notices.remove, NOBODY, SIGNED_IN),
    Route("feed-open", "notices/feeds/", notices.open_feed, NOBODY, SIGNED_IN),
    Route("feed-revoke", "notices/feeds/<str:name>/revoke/", notices.revoke_feed, NOBODY, SIGNED_IN),
    Route("feed-due", "feeds/due.ics", feeds.due, SIGNED_IN),
    Route("feed-changes", "feeds/changes.atom", feeds.changes, SIGNED_IN),
    Route("feed-published", "feeds/published.atom", feeds.published, ANYBODY),
    Route("feed-of-due", "feeds/<str:secret>/due.ics", feeds.due, ANYBODY),
    Route("feed-of-changes", "feeds/<str:secret>/changes.atom", feeds.changes, ANYBODY),
    # The operator: who takes part, and who says who they are
    Route("organisations", "organisations/", operators.organisations, OPERATOR, OPERATOR),
    Route("organisation", "organisations/<str:name>/", operators.organisation, OPERATOR, OPERATOR),
    Route("providers", "providers/", operators.providers, OPERATOR, OPERATOR, Need.FRESH),
    Route("provider-end", "providers/<str:name>/end/", operators.end_provider, NOBODY, OPERATOR),
    Route("all-tokens", "service-tokens/", operators.all_tokens, OPERATOR),
    # Submissions: what stands where, the next step, two keys
    Route("submissions", "submissions/", submissions.index, READING),
    Route("offer-new", "submissions/new/", offers.new, OWNER, OWNER),
    Route("inquiry-new", "submissions/inquire/", offers.inquiry, OWNER, OWNER),
    Route("submission", "submissions/<str:name>/", submissions.show, READING),
    Route("submission-step", "submissions/<str:name>/steps/<str:event>/", submissions.step, PARTIES, PARTIES),
    Route("submission-key", "submissions/<str:name>/keys/<str:action>/", submissions.key, PARTIES, PARTIES, Need.FRESH),
    Route("submission-proof", "submissions/<str:name>/proofs/<int:seq>/", drafts.step_receipt, READING),
    # Of a submission, its developer's: the offer, the agreement, consents, access, runs, the report, and the way out
    Route("submission-share", "submissions/<str:name>/share/", offers.sharing, OWNER, OWNER),
    Route("submission-agreement", "submissions/<str:name>/agreement/", agreements.show, SIGNING),
    Route(
        "agreement-propose",
        "submissions/<str:name>/agreement/propose/",
        agreements.propose,
        NOBODY,
        SIGNING,
        Need.SIGNING,
    ),
    Route("agreement-sign", "submissions/<str:name>/agreement/sign/", agreements.sign, NOBODY, SIGNING, Need.SIGNING),
    Route("submission-consents", "submissions/<str:name>/consents/", consents.show, DEVELOPER, OWNER),
    Route("consent-revoke", "submissions/<str:name>/consents/<str:consent>/revoke/", consents.revoke, NOBODY, OWNER),
    Route("submission-access", "submissions/<str:name>/access/", model_access.show, DEVELOPER),
    Route("access-grant", "submissions/<str:name>/access/grant/", model_access.grant, NOBODY, OWNER),
    Route("access-extend", "submissions/<str:name>/access/extend/", model_access.extend, NOBODY, OWNER),
    Route("access-pause", "submissions/<str:name>/access/pause/", model_access.pause, NOBODY, OWNER),
    Route("access-resume", "submissions/<str:name>/access/resume/", model_access.resume, NOBODY, OWNER),
    Route("access-deposit", "submissions/<str:name>/access/deposit/", model_access.deposit, NOBODY, OWNER),
    Route("access-upload", "submissions/<str:name>/access/upload/", model_access.upload, NOBODY, OWNER),
    Route("lease-revoke", "submissions/<str:name>/leases/<str:lease>/end/", model_access.revoke_lease, NOBODY, OWNER),
    Route("submission-calls", "submissions/<str:name>/calls/", calls.show, DEVELOPER),
    Route("calls-file", "submissions/<str:name>/calls/file.<str:ending>", calls.download, DEVELOPER),
    Route("submission-runs", "submissions/<str:name>/runs/", live.show, DEVELOPER),
    Route("submission-report", "submissions/<str:name>/report/", drafts.show, DEVELOPER),
    Route("report-comment", "submissions/<str:name>/report/comment/", drafts.comment, NOBODY, DEVELOPER),
    Route("report-extend", "submissions/<str:name>/report/extend/", drafts.extend, NOBODY, OWNER),
    Route("submission-signed", "submissions/<str:name>/report/signed/", drafts.signed, DEVELOPER),
    Route("submission-run-file", "submissions/<str:name>/runs/<int:number>/<str:file>", drafts.run_file, DEVELOPER),
    Route("submission-paper", "submissions/<str:name>/papers/<str:digest>/", drafts.paper, DEVELOPER),
    # Publishing it: both sides' pages
    Route("submission-publication", "submissions/<str:name>/publication/", publication.show, SIGNING),
    Route(
        "publication-propose",
        "submissions/<str:name>/publication/propose/",
        publication.propose,
        NOBODY,
        KEYS,
        Need.SIGNING,
    ),
    Route("publication-key", "submissions/<str:name>/publication/key/", publication.turn, NOBODY, KEYS, Need.SIGNING),
    Route("publication-stop", "submissions/<str:name>/publication/stop/", publication.stop, NOBODY, KEYS),
    Route("publication-file", "submissions/<str:name>/publication/<str:file>", publication.file, SIGNING),
    Route("submission-grants", "submissions/<str:name>/grants/", grants.show, DEVELOPER),
    Route("grant-make", "submissions/<str:name>/grants/new/", grants.make, NOBODY, OWNER),
    Route("grant-end", "submissions/<str:name>/grants/<str:grant>/end/", grants.end, NOBODY, OWNER),
    Route("submission-receipts", "submissions/<str:name>/receipts/", withdrawal.receipts, DEVELOPER),
    Route(
        "submission-receipt",
        "submissions/<str:name>/receipts/<str:kind>/<str:ending>",
        withdrawal.receipt_file,
        DEVELOPER,
    ),
    Route("submission-withdraw", "submissions/<str:name>/withdraw/", withdrawal.withdraw, DEVELOPER, DEVELOPER),
    # Reviews: the evaluator's queue, the plan, the boundary, runs as jobs, scrutiny, the report; what waits for a key
    Route("reviews", "reviews/", reviews.index, EVALUATING),
    Route("review", "reviews/<str:name>/", reviews.show, EVALUATING),
    Route("review-plan", "reviews/<str:name>/plan/", reviews.plan, EVALUATING, LEAD),
    Route("review-boundary", "reviews/<str:name>/boundary/", reviews.boundary, EVALUATING),
    Route("review-end", "reviews/<str:name>/end/", reviews.end, EVALUATING, EVALUATOR),
    Route("review-runs", "reviews/<str:name>/runs/", runs.index, EVALUATING),
    Route("review-start", "reviews/<str:name>/runs/start/", runs.start, NOBODY, EVALUATOR),
    Route("review-run", "reviews/<str:name>/runs/<str:unit>/", runs.show, EVALUATING),
    Route("review-stop", "reviews/<str:name>/runs/<str:unit>/stop/", runs.stop, EVALUATING, EVALUATING),
    Route("review-carry-on", "reviews/<str:name>/runs/<str:unit>/carry-on/", runs.carry_on, NOBODY, EVALUATOR),
    Route("review-render", "reviews/<str:name>/runs/<str:unit>/render/", reports.render_again, NOBODY, EVALUATING),
    Route("review-file", "reviews/<str:name>/runs/<str:unit>/files/<str:kind>", runs.file, EVALUATING),
    Route("review-samples", "reviews/<str:name>/runs/<str:unit>/samples/", runs.samples, EVALUATING),
    Route(
        "review-sample",
        "reviews/<str:name>/runs/<str:unit>/samples/<str:key>/",
        scrutiny.transcript,
        EVALUATING,
        needs=Need.PASSKEY,
    ),
    Route(
        "review-decide",
        "reviews/<str:name>/runs/<str:unit>/samples/<str:key>/decide/",
        scrutiny.decide,
        NOBODY,
        EVALUATING,
        Need.PASSKEY,
    ),
    Route("review-scrutiny", "reviews/<str:name>/scrutiny/", scrutiny.of_review, EVALUATING),
    Route("review-report", "reviews/<str:name>/report/", reports.show, EVALUATING),
    Route("report-draft", "reviews/<str:name>/report/draft/", reports.draft, EVALUATOR, EVALUATOR),
    Route("report-revise", "reviews/<str:name>/report/revise/", reports.revise, EVALUATOR, EVALUATOR),
    Route("report-deliver", "reviews/<str:name>/report/deliver/", reports.deliver, LEAD, LEAD, Need.FRESH),
    Route("report-sign", "reviews/<str:name>/report/sign/", reports.sign, LEAD, LEAD, Need.SIGNING),
    Route("report-whole", "reviews/<str:name>/report/whole/", reports.whole, EVALUATING),
    Route("report-key", "reviews/<str:name>/report/key/", reports.key, EVALUATING),
    Route("report-paper", "reviews/<str:name>/report/<str:kind>/<int:version>/", reports.paper, EVALUATING),
    Route("scrutiny", "scrutiny/", scrutiny.index, EVALUATING),
    Route("countersign", "countersign/", countersign.index, LEAD),
)
