"""What runs on the far side: the zygote, and in each box its agent (PID 1).

These files are started as a program of their own with an empty environment. They import only each other and
the standard library, and everything before the first box exists: inside a box no import can work.
"""
