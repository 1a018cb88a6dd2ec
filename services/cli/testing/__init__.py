"""`wici test`: what journeys do, tried at a clock of its own, without a database.

commands.py  as it is typed
command.py   which tests, and how the answer looks
stage.py     one test played in a virtual world
verdict.py   what was expected against what came
coverage.py  which ways out of steps no test has gone
report.py    the answer for people, programs and JUnit
"""
