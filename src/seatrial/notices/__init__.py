"""Notices: what a person is told without asking, by mail or by feed, of what waits for them and of what changed.

- Nothing of a submission's content leaves by mail or feed: ids, words for steps and states, dates and roles do.
- What is told is what the person may see at that moment, as `Viewer`; nobody is told more than their pages show.

`post` writes and sends letters, `server` is the way to a mail server, `digest` is the day's list, `feeds` are calendars
and Atom feeds. Django is loaded by none of them until an installation is open.
"""
