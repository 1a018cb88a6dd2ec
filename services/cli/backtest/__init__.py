"""`wici backtest`: the recorded history through the published version of the workspace and through the folder's.

    history (store.py, records.py) -> buckets on disk (spool.py) -> each customer's story through both versions
    (play.py, tally.py), a process a core -> sums (tally.py) -> what differs (report.py)

No more than one bucket a process is in memory, and two numbers a name where records must be grouped by their names.
"""
