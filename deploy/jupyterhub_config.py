"""JupyterHub for the course: a server for each person, nbgrader's exchange, one formgrader.

Started by ``make hub``; what can be chosen is in hub.toml.
"""

import os
import secrets
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from settings import COURSE_ID, SettingsError, prepare, read_settings  # noqa: E402

try:
    hub = read_settings(Path(os.environ.get("HUB_SETTINGS", HERE / "hub.toml")))
    prepare(hub)
except SettingsError as error:
    sys.exit(str(error))

BIN = Path(sys.executable).parent
# Not inside JupyterLab: there it is a frame, and JupyterHub forbids frames, for good reasons.
FORMGRADER = f"/services/{COURSE_ID}/formgrader/manage_assignments"

c = get_config()  # noqa: F821 - JupyterHub defines it

# --- where it listens ---------------------------------------------------------------------------
# Only this machine reaches it. For others, put a web server with TLS in front (README.md).
c.JupyterHub.bind_url = f"http://127.0.0.1:{hub.port}"
c.JupyterHub.hub_port = hub.port + 1
c.ConfigurableHTTPProxy.command = [
    *(sys.executable, "-c", "from configurable_http_proxy.cli import main; main()"),
    "--proxy-timeout=3600000",  # an hour, in ms; as it comes it gives up grading after 20 s
]
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{hub.port + 2}"
c.ConfigurableHTTPProxy.pid_file = str(hub.state / "proxy.pid")
c.JupyterHub.db_url = f"sqlite:///{hub.state / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(hub.state / "cookie_secret")
c.JupyterHub.log_level = "WARN"

# --- who may log in, and who is what ------------------------------------------------------------
c.Authenticator.allowed_users = hub.people
c.JupyterHub.load_groups = {
    f"formgrade-{COURSE_ID}": {"users": list(hub.instructors)},
    f"nbgrader-{COURSE_ID}": {"users": list(hub.students)},
}
c.JupyterHub.load_roles = [
    {
        "name": "instructor",
        "groups": [f"formgrade-{COURSE_ID}"],
        "scopes": [f"access:services!service={COURSE_ID}"],
    }
]
c.JupyterHub.default_url = lambda handler, user=None: (
    FORMGRADER if handler.current_user and handler.current_user.name in hub.instructors else ""
)

# --- a server for each person -------------------------------------------------------------------
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.default_url = "/lab"
c.Spawner.start_timeout = 120  # a cold disk; the first start reads all of JupyterLab
SHARED = {
    "COURSE_ACCOUNTS": hub.accounts,
    "COURSE_EXCHANGE": str(hub.exchange),
    "OMP_NUM_THREADS": "1",
}
ALLOW_ROOT = [] if hub.separate or os.geteuid() else ["--allow-root"]  # a container, often
c.Spawner.args = ALLOW_ROOT
c.Spawner.environment = SHARED | {
    "JUPYTER_CONFIG_PATH": f"{HERE / 'jupyter/student'}:{HERE / 'jupyter/everybody'}"
}
if hub.separate:
    c.JupyterHub.authenticator_class = "pam"
    c.JupyterHub.spawner_class = "jupyterhub.spawner.LocalProcessSpawner"
else:
    password = os.environ.get("HUB_PASSWORD") or secrets.token_urlsafe(9)
    c.JupyterHub.authenticator_class = "shared-password"
    c.SharedPasswordAuthenticator.user_password = password
    c.JupyterHub.spawner_class = "simple"
    c.SimpleLocalProcessSpawner.home_dir_template = str(hub.state / "home/{username}")
    print(
        f"http://127.0.0.1:{hub.port}: log in as {', '.join(sorted(hub.people))}; "
        f"password {password}\nOne account for all: for trying out, not for a class.",
        flush=True,
    )

# --- the formgrader: one server for all instructors, in the course's folder ---------------------
# It reads the course's nbgrader_config.py from where it starts: that puts our grader behind the
# button "autograde", and our page behind "feedback".
c.JupyterHub.services = [
    {
        "name": COURSE_ID,
        "url": f"http://127.0.0.1:{hub.port + 3}",
        "command": [*c.Spawner.cmd, *ALLOW_ROOT, f"--ServerApp.root_dir={hub.course}"],
        "cwd": str(hub.course),
        "user": hub.owner if hub.separate else "",
        "environment": SHARED
        | {
            "JUPYTER_CONFIG_PATH": str(HERE / "jupyter/everybody"),
            "JUPYTERHUB_DEFAULT_URL": "/formgrader/manage_assignments",
            "PATH": f"{BIN}:{os.environ['PATH']}",
        },
        "oauth_no_confirm": True,
    }
]
