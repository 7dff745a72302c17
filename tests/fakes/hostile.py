"""Plugins that do harm while they are loaded: name -> (code, words that their one-line reason must contain)."""

GOOD = """
from dltui import Model, TrainConfig, hookimpl

class Config(TrainConfig):
    pass

def build(config, spec):
    return None

@hookimpl
def dltui_models():
    return [Model(id="{name}", name="{name}", framework="numpy", task="classification", summary="", config=Config,
                  build=build)]
"""

HOOK = "from dltui import hookimpl, Model, TrainConfig\n@hookimpl\ndef dltui_models():\n    "

HOSTILE: dict[str, tuple[str, str]] = {
    "raises": ("x = 1\nraise ValueError('two\\nlines \\x1b]0;owned\\x07')", "ValueError: two (raises.py line 2)"),
    "raises_escapes": (
        "raise ValueError('\\x1b]52;c;AAAA\\x07 \\u202e \\ud800')",
        "ValueError: \\x1b]52;c;AAAA\\x07 \\u202e \\ud800 (",
    ),
    "import_error": ("from dltui import nothing_like_it", "ImportError: cannot import name 'nothing_like_it'"),
    "missing_module": ("import no_such_module.inside", "needs the module no_such_module, which is not installed"),
    "syntax": ("def broken(:\n    pass", "syntax error in syntax.py line 1"),
    "null_bytes": ("\x00\x01", "cannot contain null bytes"),
    "sys_exit": ("import sys; sys.exit(3)", "called sys.exit(3) while loading"),
    "sys_exit_text": ("raise SystemExit('bye')", "called sys.exit('bye') while loading"),
    "os_exit": ("import os; os._exit(0)", "ended its process while loading (exit code 0)"),
    "os_exit_7": ("import os; os._exit(7)", "ended its process while loading (exit code 7)"),
    "keyboard_interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "base_exception": ("class Odd(BaseException): pass\nraise Odd('strange')", "Odd: strange"),
    "bad_str": (
        "class Worse(Exception):\n    def __str__(self): raise RuntimeError('no')\nraise Worse",
        "Worse: (no text)",
    ),
    "recursion": ("def f(): f()\nf()", "RecursionError"),
    "c_recursion": (
        "import sys\nsys.setrecursionlimit(10**9)\nclass A:\n    def __repr__(self): return repr(self)\nrepr(A())",
        "crashed (SIGSEGV) while loading",
    ),
    "hang": ("import time\nwhile True: time.sleep(1)", "timed out after"),
    "spin": ("while True: pass", "timed out after"),
    "ignores_sigterm": (
        "import signal, time\n"
        "for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(n, signal.SIG_IGN)\n"
        "time.sleep(600)",
        "timed out after",
    ),
    "catches_everything": (
        "import time\nwhile True:\n    try: time.sleep(600)\n    except BaseException: pass",
        "timed out after",
    ),
    "segfault": ("import ctypes\nctypes.string_at(0)", "crashed (SIGSEGV) while loading"),
    "abort": ("import os\nos.abort()", "crashed (SIGABRT) while loading"),
    "kills_itself": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "crashed (SIGKILL) while loading"),
    "allocates": (
        "import time\nhold = []\nwhile True:\n    hold.append(bytearray(b'x') * (32 << 20))\n    time.sleep(0.02)",
        "GB of memory while loading",
    ),
    "hangs_in_hook": (HOOK + "import time; time.sleep(600)", "timed out after"),
    "raises_in_hook": (HOOK + "raise OSError('no license')", "OSError: no license (raises_in_hook.py line 4)"),
    "exits_in_hook": (HOOK + "raise SystemExit", "called sys.exit() while loading"),
    "returns_number": (HOOK + "return 7", "dltui_models must return a list, it returned int"),
    "returns_texts": (HOOK + "return ['cnn']", "dltui_models: a str in the list is no Model"),
    "misspelled_hook": (
        "from dltui import hookimpl\n@hookimpl\ndef dltui_modles():\n    return []",
        "unknown hook 'dltui_modles'",
    ),
    "no_hook": ("x = 1", "has no hook; mark one of dltui_models"),
    "wrong_config": (
        HOOK + "return [Model('m', 'm', 'numpy', 'classification', '', dict, print)]",
        "model m: its config must be a subclass of TrainConfig",
    ),
    "wrong_task": (
        HOOK + "return [Model('m', 'm', 'numpy', 'guessing', '', TrainConfig, print)]",
        "model m: its task must be classification or multilabel or regression or segmentation, it is 'guessing'",
    ),
    "wrong_id": (
        HOOK + "return [Model('../m\\x1b', 'm', 'numpy', 'regression', '', TrainConfig, print)]",
        "is not a valid name",
    ),
    "writes_the_answer": (
        'import os\nfor fd in range(3, 64):\n    try: os.write(fd, b\'{"models": [{"id": 7}], "errors": 3}\')\n'
        "    except OSError: pass\nos._exit(0)",
        "its answer cannot be read",
    ),
    "class_as_backend": (
        "from dltui import hookimpl\nclass B: framework = 'x'\n@hookimpl\ndef dltui_backends():\n    return [B]",
        "dltui_backends: the class B in the list must be an object of it",
    ),
}
"""Each of these gives nothing but its reason."""
KINDS = (
    "raises_escapes", "missing_module", "null_bytes", "sys_exit", "os_exit", "base_exception", "c_recursion", "spin",
    "ignores_sigterm", "segfault", "allocates", "hangs_in_hook", "returns_number", "misspelled_hook", "wrong_id",
    "writes_the_answer",
)  # fmt: skip
"""One of each kind; the others do much the same in other words."""

FORKS = (
    """
import os, time
for leave in (False, True):
    if os.fork() == 0:
        if leave:
            os.setsid()
            if os.fork():
                os._exit(0)
        open({folder!r} + "/" + str(os.getpid()), "w").close()
        time.sleep(600)
        os._exit(0)
time.sleep(0.3)
"""
    + GOOD
)

# The forked child goes on as the probe does: two would answer.
FORKS_ON = "import os\nos.fork()\n" + GOOD

PRINTS = (
    """
import os, sys, threading
print("hello \\x1b[31m on stdout")
sys.stderr.write("hello on stderr\\n")
os.write(1, b'{{"models": []}}\\n')
os.write(2, b"x" * 100_000)
sys.stdout = sys.stderr = None
threading.Thread(target=threading.Event().wait).start()
import atexit; atexit.register(lambda: threading.Event().wait())
"""
    + GOOD
)
