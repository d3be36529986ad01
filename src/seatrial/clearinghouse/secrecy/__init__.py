"""Secrecy: what may be known by whom, and what can be shown later without having been said before.

`commitment` (who had it when), `claims` (is another party working here), `known_issue` (is it public already), `tlp`
(how far a thing travels), `age_bundle` (sealed to its recipients), `compartments` (exploits under their own key).
"""
