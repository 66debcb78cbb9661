"""Make the environment: a virtual environment with the pinned packages and pawsight itself.

    python3 requirements/install.py .venv [--search]

With --search, a Python that is too old or too new, or has no venv module, is
replaced by a suitable one on PATH. Runs before anything is installed, so it
needs the standard library only, and its first lines must be readable to a
Python that is too old. Every package is checked against the hash in the lock.
uv installs them, since it takes seconds where pip takes minutes; it follows
pip's index settings where it has none of its own, so that a machine set up for
pip needs nothing more.
"""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OLDEST, NEWEST = (3, 11), (3, 14)  # TensorFlow has no build for a newer one yet
# In this order, since Python 3.14 has only a release candidate of TensorFlow.
PREFERRED = ("python3.13", "python3.12", "python3.11", "python3.14")
CHECK = "--check"  # only report whether this Python is suitable, by the exit code
SYSTEM_CONFIG = Path("/etc/uv/uv.toml")
PIP_TO_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
}


def main():
    """Make the environment, or print why it cannot be made."""
    problem = problem_of_python()
    if CHECK in sys.argv:
        raise SystemExit(1 if problem else 0)
    if problem and "--search" in sys.argv:
        run_in_another_python(problem)
    if problem:
        stop(problem)
    venv = Path(sys.argv[1])
    python = venv / "bin" / "python"
    begun, done = venv / ".installing", venv / ".installed"
    say("Setting up {} (once; TensorFlow and its companions take a while to fetch)".format(venv))
    if begun.exists() or not is_same_python(python):
        run(sys.executable, "-m", "venv", "--clear", venv)
    begun.touch()  # what a killed set-up leaves half installed is thrown away the next time
    run(python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", HERE / "uv.txt")
    uv = [venv / "bin" / "uv", "pip", "install", "--python", python]
    settings = uv_settings(python)
    # As pip does by itself. Where Python may not keep what it compiles, each start of TensorFlow
    # would take seconds more.
    compiled = [*uv, "--compile-bytecode"]
    # The lock is complete. What overrides.txt leaves out, a package's own metadata still asks for.
    locked = ["--no-deps", "--require-hashes", "-r", HERE / "lock.txt"]
    run(*compiled, *locked, env=settings)
    # The build backend is in the lock too: nothing unpinned is fetched to build pawsight.
    run(*uv, "--no-deps", "--no-build-isolation", "-e", HERE.parent, env=settings)
    begun.unlink()
    done.touch()


def is_same_python(python):
    """Whether an environment is there already and runs the Python that runs this."""
    ask = "import sys; print(sys.version)"
    try:
        found = subprocess.run(
            [str(python), "-c", ask], capture_output=True, text=True, check=False
        )
    except OSError:
        return False
    return found.stdout.strip() == sys.version.strip()


def problem_of_python():
    """Return why this Python cannot be used and what to do, or None where it can."""
    here = "{}.{}".format(*sys.version_info[:2])
    if sys.version_info[:2] < OLDEST or sys.version_info[:2] > NEWEST:
        return (
            "{} is Python {}, and pawsight's environment needs {}.{} to {}.{}.\n"
            "Install one of these and name it: make install PYTHON=python3.13".format(
                sys.executable, here, *OLDEST + NEWEST
            )
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return (
            "{} cannot make virtual environments: its venv module is not installed.\n"
            "Debian and Ubuntu: apt install python3-venv (or python{}-venv)".format(
                sys.executable, here
            )
        )
    return None


def run_in_another_python(problem):
    """Start this script again in a suitable Python on PATH; return where there is none."""
    for name in PREFERRED:
        found = shutil.which(name)
        if found and is_suitable(found):
            say(problem.splitlines()[0])
            say("Using {} instead.".format(found))
            os.execv(found, [found] + [part for part in sys.argv if part != "--search"])


def is_suitable(python):
    """Whether a command is a Python that can be used; pyenv has some that only print advice."""
    check = [python, __file__, CHECK]
    return subprocess.run(check, stderr=subprocess.DEVNULL, check=False).returncode == 0


def uv_settings(python):
    """The environment for uv: the user's own, and pip's index settings where uv has none."""
    env = dict(os.environ, UV_PYTHON_DOWNLOADS="never")
    config_home = Path(env.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    files = (config_home / "uv" / "uv.toml", SYSTEM_CONFIG)
    names = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_CONFIG_FILE")
    if any(name in env for name in names) or any(file.is_file() for file in files):
        return env
    found = pip_settings(python)
    for theirs, ours in PIP_TO_UV.items():
        if theirs in found:
            env.setdefault(ours, found[theirs])
    # As pip does: the pinned version may lie in any of the indexes, and its hash is checked.
    env.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    return env


def pip_settings(python):
    """What `pip config` knows; the environment counts before [install], that before [global]."""
    listed = subprocess.run(
        [str(python), "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    sections = {"global": {}, "install": {}, ":env:": {}}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        if section in sections:
            sections[section][key] = " ".join(ast.literal_eval(value).split())
    return {**sections["global"], **sections["install"], **sections[":env:"]}


def run(*command, env=None):
    """Run one command with its output shown; stop where it fails."""
    done = subprocess.run([str(part) for part in command], env=env, check=False)
    if done.returncode:
        stop(
            "This step failed: {}\n"
            "Its messages are above. Check the network (or the package index that pip is set\n"
            "to use) and the free disk space (3 GB), then run make again.".format(
                " ".join(map(str, command))
            )
        )


def say(text):
    """Tell the user, at once."""
    print(text, flush=True)


def stop(text):
    """Say why it ends here, and end."""
    print("\n" + text, file=sys.stderr)
    raise SystemExit(1)


if __name__ == "__main__":
    main()
