"""The wall around student code: what runs inside it, and the pipe that leads through it.

``limits``, ``wire``, ``student`` and ``zygote`` are also imported inside the wall, so they import
nothing of the rest of the grader. ``wall`` and ``client`` stay outside.
"""
