"""Cases: several parties, one vulnerability, and what each of them has said, agreed to and is owed.

Read `report_state`, `embargo` and `case_state` (the three machines), `participant`, `case` (the record, a fold of
events), `policy` and `clocks` (what is due when), `escalation`, `contacts`, `pacing`, then `signoff` and
`outbox`: nothing leaves without both.
"""
