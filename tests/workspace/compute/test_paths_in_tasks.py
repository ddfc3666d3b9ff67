"""`/Workspace`, `/Volumes` and `/dbfs` in commands, other programs and libraries; what a Git folder's code imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from brickyard.runtime.foreign_paths import as_written, in_command
from tests.workspace.compute.compute_support import Lab

MOUNTS = {"/Workspace": Path("/data/tree"), "/Volumes": Path("/data/my volumes"), "/dbfs": Path("/data/dbfs")}


@pytest.mark.parametrize(
    ("command", "real"),
    [
        ("cat /dbfs/a.csv > /dbfs/b.csv", "cat /data/dbfs/a.csv > /data/dbfs/b.csv"),
        ("ls '/dbfs/x y' \"/dbfs\";cd /dbfs/", "ls '/data/dbfs/x y' \"/data/dbfs\";cd /data/dbfs/"),
        ("cp --to=/dbfs/$d/a* .", "cp --to=/data/dbfs/$d/a* ."),
        ("ls /Volumes/Main/Default/V/F.csv", "ls /data/my\\ volumes/main/default/v/F.csv"),
        (
            "databricks fs ls dbfs:/Volumes/a\ncat /dbfs/a\ncurl -d /dbfs/a x",
            "databricks fs ls dbfs:/Volumes/a\ncat /data/dbfs/a\ncurl -d /dbfs/a x",
        ),
        (
            "curl -so /dbfs/x -T '/dbfs/y' http://h/Volumes/z",
            "curl -so /data/dbfs/x -T '/data/dbfs/y' http://h/Volumes/z",
        ),
        ("curl -F f=@/dbfs/x -d 'p=/dbfs/y;' $H?p=/dbfs/z", "curl -F f=@/data/dbfs/x -d 'p=/dbfs/y;' $H?p=/dbfs/z"),
        (
            "cat /dbfs/a; /bin/databricks fs ls /dbfs/b > /dbfs/c",
            "cat /data/dbfs/a; /bin/databricks fs ls /dbfs/b > /data/dbfs/c",
        ),
        (
            "databricks ls $(cat /dbfs/a) \\\n /dbfs/b && ls /dbfs/c",
            "databricks ls $(cat /dbfs/a) \\\n /dbfs/b && ls /data/dbfs/c",
        ),
        (
            "pip install brickyard; cat \"/Volumes/A\" '/Volumes/b'",
            "pip install brickyard; cat \"/data/my volumes/a\" '/data/my volumes/b'",
        ),
        (
            'echo "$(ls /Volumes/a)" # it\'s\nls /Volumes/b',
            'echo "$(ls /data/my\\ volumes/a)" # it\'s\nls /data/my\\ volumes/b',
        ),
        ("cp dbfs:/Volumes/a file:/dbfs/a", "cp dbfs:/Volumes/a file:/data/dbfs/a"),
        ("echo /dbfsx a/dbfs/x /x/Volumes/a dbfs:/a ./dbfs", "echo /dbfsx a/dbfs/x /x/Volumes/a dbfs:/a ./dbfs"),
    ],
)
def test_commands_get_the_real_paths(command: str, real: str) -> None:
    assert in_command(command, MOUNTS) == real
    assert as_written("/data/dbfs/a.csv", MOUNTS) == "/dbfs/a.csv"


def test_shell_and_other_programs_know_the_paths(lab: Lab) -> None:
    lab.put("shell/a.csv", "x,y\n1,2\n")
    base = "/Workspace/Users/me@localhost/shell"
    done = lab.cells(
        f"%sh cd {base} && pwd && cat {base}/a.csv > /dbfs/from_shell.csv && ls /dbfs/from*.csv",
        f"import os, subprocess\nos.system('cp {base}/a.csv /dbfs/from_system.csv')\n"
        f"print(subprocess.run(['cat', '{base}/a.csv'], capture_output=True, text=True).stdout.split())\n"
        f"print(subprocess.check_output('ls', shell=True, text=True, cwd='{base}'))\n"
        "print(os.path.exists('/dbfs/from_system.csv'))\n"
        f"words = ['{base}/curl', '-o', '/dbfs/x', '-d', '/dbfs/x', 'a=@/dbfs/x']\n"
        "print(open(words[0], 'w').write('#!/bin/sh\\necho $@'), os.chmod(words[0], 0o700))\n"
        f"said = subprocess.check_output(['./curl', *words[1:]], cwd='{base}', text=True).split()\n"
        "print([word.endswith('data/dbfs/x') for word in said])",
        f"place = '{base}'\n!ls {{place}}\nfound = !cat {base}/a.csv\nprint(found)",
    ).ok()
    assert f"{base}\n/dbfs/from_shell.csv\n" in done.output
    assert "['x,y', '1,2']\na.csv\n\nTrue\n" in done.output
    assert "[False, True, False, False, True]" in done.output
    assert done.cells[2]["outputs"][0]["text"] == "a.csv\ncurl\n['x,y', '1,2']\n"


def test_libraries_that_open_files_themselves_know_the_paths(lab: Lab) -> None:
    done = lab.cells(
        "import sqlite3\nsqlite3.connect('/dbfs/x.db').execute('create table t(a)')",
        "import pyarrow, pyarrow.parquet as pq, pyarrow.csv, pyarrow.dataset, deltalake\n"
        "table = pyarrow.table({'a': [1, 2]})\npq.write_table(table, '/dbfs/t.parquet')\n"
        "pyarrow.csv.write_csv(table, '/dbfs/t.csv')\ndeltalake.write_deltalake('/dbfs/delta', table)",
        "print(pq.read_table('/dbfs/t.parquet').num_rows, pyarrow.dataset.dataset('/dbfs/t.parquet').count_rows(), "
        "pyarrow.csv.read_csv('/dbfs/t.csv').num_rows, deltalake.DeltaTable('/dbfs/delta').version())",
        "import os\nprint(sorted(os.listdir('/dbfs')))",
    ).ok()
    assert "2 2 2 0" in done.output
    for name in ("delta", "t.csv", "t.parquet", "x.db"):
        assert f"'{name}'" in done.output


def test_other_python_processes_and_functions_of_spark_know_the_paths(lab: Lab) -> None:
    lab.put("pooled/reading.py", "def read(i):\n    return open('/dbfs/pooled.txt').read() + str(i)\n")
    program = "p = '/dbfs'\nprint(open(p + '/pooled.txt').read(), __import__('sys').path[-1:])"
    path = lab.notebook(
        "pooled/main",
        "dbutils.fs.put('/pooled.txt', 'K', True)\nfrom reading import read",
        "import multiprocessing\nwith multiprocessing.get_context('spawn').Pool(1) as p:\n"
        "    print('spawn', p.map(read, [1]))",
        "from joblib import Parallel, delayed\nprint('joblib', Parallel(n_jobs=2)(delayed(read)(i) for i in range(2)))",
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {program!r}], check=True)",
        "from pyspark.sql.functions import udf\nprint('udf', spark.range(1).select(udf(read)('id')).collect()[0][0])",
    )
    output = lab.run("notebook", path).ok().output
    assert "Traceback" not in output and "leaked" not in output
    for text in ("spawn ['K1']", "joblib ['K0', 'K1']", "K ['", "udf K0"):
        assert text in output


def test_root_of_a_git_folder_can_be_imported_from(lab: Lab) -> None:
    lab.workspace.files.tree.reserve("/Users/me@localhost/flights")
    lab.put("flights/core/four.py", "FOUR = 4\n")
    path = lab.notebook("flights/notebooks/deep/main", "from core.four import FOUR\nprint('four', FOUR)")
    assert "four 4" in lab.run("notebook", path).ok().output
