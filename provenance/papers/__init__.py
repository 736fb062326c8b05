"""The papers of a release: card, notices, licence texts, recipe and record.

`write.papers` makes them from `facts.ReleaseFacts`; `verify.missing_papers` finds again, in the
files of a release, what its decision says is owed. Both are pure: records in, values out.
"""
