"""Files: reading what is not for students, writing where others read, links, odd folders."""

import os
from pathlib import Path

from .case import ASSIGNMENT, FULL, Handin, case

READ_ALL = """
import contextlib
import os

wanted = ("gradebook.db", "secret", "solutions", "misconceptions.py", "a1_rnn.py", "a1_rnn.ipynb")
starts = ["/"] + ["../" * k for k in range(1, 8)] + ["/proc/self/root", "/proc/1/root"]
seen = 0
for start in starts:
    for folder, names, files in os.walk(start):
        names[:] = [n for n in names if n not in ("proc", "sys", "site-packages", "share")]
        seen += 1
        if seen > 30_000:
            break
        for file in set(files) & set(wanted):
            path = os.path.join(folder, file)
            if "/course" in path or "/tmp/work" in path:
                continue
            with contextlib.suppress(OSError):
                print(path, open(path, "rb").read(20_000))
"""


@case(0)
def rm_rf_others(s: Handin) -> None:
    """rm -rf at the other students' submissions and at everything else it can name."""
    s.wrong()
    s.own(
        f"""
        import os
        !rm -rf {s.others}/other
        !rm -rf ../../* ../../../submitted/* /course/* ~/.. 2>&1 | head -3
        try:
            os.unlink("{s.others}/other/{ASSIGNMENT}/{ASSIGNMENT}.ipynb")
        except OSError as error:
            print(error)
        """,
        where="setup",
    )


@case(0, seconds=60)
def read_source_solutions(s: Handin) -> None:
    """Looks for ../../../source and every file of interest on the disk; prints and runs it."""
    s.wrong()
    s.own(READ_ALL, where="setup")
    s.own(f"print(open('../../../source/{ASSIGNMENT}/{ASSIGNMENT}.ipynb').read())", where="setup")


@case(0)
def read_gradebook(s: Handin) -> None:
    """Reads gradebook.db by its path and prints it. The file must not be readable."""
    s.wrong()
    path = Path(s.others).parent / "gradebook.db"
    s.own(f"print(open({str(path)!r}, 'rb').read())", where="setup")
    s.own(f"print(open({str(path.with_name('secret'))!r}, 'rb').read())", where="setup")


@case(0)
def write_gradebook(s: Handin) -> None:
    """Writes marks for itself and 0 for all others straight into gradebook.db."""
    s.wrong()
    path = Path(s.others).parent / "gradebook.db"
    s.own(
        f"""
        import sqlite3
        for place in ({str(path)!r}, "../../../gradebook.db", "/course/gradebook.db"):
            try:
                with sqlite3.connect(place) as db:
                    db.execute("update grade set auto_score = 0, manual_score = 4")
            except sqlite3.Error as error:
                print(error)
        """,
        where="setup",
    )


@case(0)
def infect_ipython_startup(s: Handin) -> None:
    """Writes startup files of IPython, Python, matplotlib and the shell into the home."""
    s.wrong()
    s.own(
        """
        import contextlib, os, site
        text = "import sys\\nsys.modules['numpy'] = None\\nraise SystemExit\\n"
        for path in (
            "~/.ipython/profile_default/startup/00.py", "~/.bashrc", "~/.profile",
            "~/.config/matplotlib/matplotlibrc", "~/.pythonrc.py", "~/sitecustomize.py",
            site.getusersitepackages() + "/usercustomize.py",
            np.__path__[0] + "/infected.py", os.path.dirname(os.__file__) + "/sitecustomize.py",
        ):
            path = os.path.expanduser(path)
            with contextlib.suppress(OSError):
                os.makedirs(os.path.dirname(path), exist_ok=True)
                open(path, "w").write(text)
        """,
        where="setup",
    )


@case(0)
def infect_next_submission(s: Handin) -> None:
    """Writes a numpy.py into every other student's folder and into the working folder."""
    s.wrong()
    s.own(
        f"""
        import contextlib, glob
        for folder in (".", "/course", "/tmp", *glob.glob("{s.others}/*/*")):
            with contextlib.suppress(OSError):
                open(folder + "/numpy.py", "w").write("raise ImportError")
        """,
        where="setup",
    )


@case(0)
def shadow_numpy(s: Handin) -> None:
    """The submission holds numpy.py, json.py and ipykernel_launcher.py of its own."""
    s.wrong()
    for name in ("numpy", "json", "ipykernel_launcher", "sitecustomize", "unrolled"):
        s.files[f"{name}.py"] = b"def __getattr__(name):\n    return lambda *a, **k: True\n"


@case(0, status="unreadable", says="link")
def symlink_to_source(s: Handin) -> None:
    """The submitted notebook is a symlink to the source notebook with the solutions."""
    s.name = None
    source = Path(s.others).parent / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    s.link(f"{ASSIGNMENT}.ipynb", str(source))


@case()
def symlink_to_gradebook(s: Handin) -> None:
    """Beside right answers a link to gradebook.db, one to / and one to itself."""
    s.right()
    s.link("data.csv", str(Path(s.others).parent / "gradebook.db"))
    s.link("root", "/")
    s.link("loop", "loop")
    s.link("copy.ipynb", "/etc/passwd")


# --- more -----------------------------------------------------------------------------------------


@case(0, status="unreadable", says="not a regular file")
def notebook_is_a_pipe(s: Handin) -> None:
    """The notebook is a named pipe that nobody writes into. No waiting."""
    s.name = None
    s.actions.append(lambda folder: os.mkfifo(folder / f"{ASSIGNMENT}.ipynb"))


@case(0, status="unreadable", says="regular file")
def notebook_is_a_folder(s: Handin) -> None:
    """The notebook is a folder."""
    s.name = None
    s.actions.append(lambda folder: (folder / f"{ASSIGNMENT}.ipynb").mkdir())


@case(0, status="unreadable")
def folder_is_a_link(s: Handin) -> None:
    """The folder of the assignment is a link to another student's."""
    s.name = None

    def replace(folder: Path) -> None:
        folder.rmdir()
        folder.symlink_to(Path(s.others) / "other" / ASSIGNMENT)

    s.actions.append(replace)


@case(0, status="unreadable", says="empty")
def notebook_is_empty(s: Handin) -> None:
    """The notebook has no bytes."""
    s.raw = b""


@case(FULL, seconds=60)
def thousands_of_files(s: Handin) -> None:
    """Right answers beside three thousand other files."""
    s.right()
    s.files = {f"file_{k}.txt": b"" for k in range(3000)}


@case(FULL)
def deep_folders(s: Handin) -> None:
    """Right answers beside folders nested two hundred deep."""
    s.right()
    s.actions.append(lambda folder: folder.joinpath(*["d"] * 200).mkdir(parents=True))


@case((0, FULL), status="unreadable", says="larger than")
def sparse_notebook(s: Handin) -> None:
    """The notebook is a sparse file of 100 GB."""
    s.raw = b"{}"
    s.actions.append(lambda folder: os.truncate(folder / f"{ASSIGNMENT}.ipynb", 10**11))


@case(FULL)
def odd_file_names(s: Handin) -> None:
    """Right answers beside files whose names hold escapes, overrides, newlines and bytes."""
    s.right()
    for name in (b"\x1b[2J.ipynb", "\u202egnp.ipynb".encode(), b"a\nb.ipynb", b"\xff\xfe.ipynb"):
        s.actions.append(lambda folder, n=name: open(os.fsencode(folder) + b"/" + n, "w").close())


@case(0, seconds=60, stock=False)
def write_everywhere(s: Handin) -> None:
    """Tries to write into every folder there is. Only its own tmpfs may take it."""
    s.wrong()
    s.own(
        """
        import contextlib, os
        took = []
        for number, (folder, names, _) in enumerate(os.walk("/")):
            if number > 20_000 or len(took) > 500:
                break
            names[:] = [n for n in names if n not in ("share",) and not n.isdigit()]
            with contextlib.suppress(OSError):
                fd = os.open(folder + "/planted", os.O_CREAT | os.O_WRONLY)
                os.close(fd)
                took.append(folder)
        bad = [t for t in took if not t.startswith(("/tmp", "/dev/shm"))]
        print("CANARY" + "-GAP-31f0" if bad else "fine", bad[:9])
        """,
        where="setup",
    )
