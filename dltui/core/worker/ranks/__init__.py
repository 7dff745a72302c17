"""Several devices: a process for each rank, which the worker starts and watches; or which a launcher starts. Only the
worker runs the training loop and writes the run directory; all ranks carry out the same requests at the same time.
"""

RANK_PROCESS = "dltui.core.worker.ranks.rank_process"
"""The module of a rank, for what starts one."""
