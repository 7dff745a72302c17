"""Several devices of one machine: a process for each rank, which the worker leads. Only the worker runs the training
loop and writes the run directory; ranks do what it says, all the same at the same time.
"""
