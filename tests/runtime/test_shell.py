"""The shell of notebooks."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path


def python(code: str) -> list[str]:
    """What a process of its own prints, as a shell changes the process that it is in; in lines."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def test_shell_that_is_made_ahead_is_not_noticed_by_tasks() -> None:
    assert python(
        """
        import builtins, sys, warnings
        from IPython import get_ipython
        from brickyard.runtime.notebook.shell import make_ahead

        def seen():
            state = [dict(vars(builtins)), dict(vars(sys)), sys.path[:], warnings.filters[:]]
            return [*state, sys.modules["__main__"], "brickyard_ahead" in sys.modules, get_ipython()]

        before = seen()
        make_ahead()
        print(seen() == before)
        """
    ) == ["True"]


def test_shell_that_was_made_ahead_is_as_one_that_is_made_now(tmp_path: Path) -> None:
    code = """
        import atexit, builtins, os, sys
        from pathlib import Path
        from types import ModuleType
        from IPython import get_ipython
        from brickyard.runtime.notebook.shell import make_ahead, new_shell
        from brickyard.runtime.record import Recorder
        from brickyard.runtime.redaction import Redactor

        if {ahead}:
            make_ahead()
        os.chdir({place!r})
        main = sys.modules["__main__"] = ModuleType("__main__")
        shell = new_shell(main, Recorder(Path("cells.json"), Redactor([])))
        shell.run_cell("import sys; x = 1; found = get_ipython(); y = sys.modules['__main__'].x", store_history=False)
        print(main.x, main.y, main.found is shell is get_ipython(), sorted(vars(main)), sorted(set(vars(builtins))))
        print(shell.ipython_dir, shell.profile_dir.location, shell.user_ns is vars(main), shell.user_module is main)
        print(main.In, main.Out, main._dh, shell.starting_dir, sorted(shell.ns_table), shell.execution_count)
        print(sys.ps1, sys.path, shell.Completer.namespace is vars(main), sorted(shell.user_ns_hidden))
        print(shell._orig_sys_module_state["stdout"] is sys.stdout, shell.all_ns_refs[0] is vars(main))
        shell.tempfiles.append(Path("temporary"))
        Path("temporary").touch()
        atexit._run_exitfuncs()
        print(Path("temporary").exists())
    """
    (tmp_path / "ahead").mkdir()
    (tmp_path / "now").mkdir()
    ahead = python(code.format(ahead=True, place=str(tmp_path / "ahead")))
    now = python(code.format(ahead=False, place=str(tmp_path / "now")))
    assert [line.replace(f"{tmp_path}/ahead", f"{tmp_path}/now") for line in ahead] == now
    assert now[0].startswith("1 1 True") and now[-1] == "False"
