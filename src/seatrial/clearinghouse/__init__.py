"""Findings on their way from a claim to a verified fix: the catalogue of this room.

| module | what |
|---|---|
| `finding`, `origin`, `event`, `disposition`, `cluster` | the records, and what they are folded to |
| `store`, `memory`, `blobs`, `leaf`, `funnel`, `jobs` | where they are kept, and that nothing is lost |
| `intake` | bytes become findings |
| `crash`, `grouping` | crash logs, and which of them are one |
| `rating`, `case`, `secrecy` | how severe, who is told when, and who is not |
| `publish`, `operators` | what leaves, and what those who run the software do with it |
"""
