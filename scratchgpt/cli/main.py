"""``scratchgpt VERB``: the entry point, which turns errors into messages and exit statuses."""

import sys
import warnings

from scratchgpt.cli.console import message
from scratchgpt.cli.streams import OutputFailedError, standard_streams
from scratchgpt.errors import UserError
from scratchgpt.escapes import escaped

BAD_INPUT, FAILED, INTERRUPTED = 2, 1, 130  # exit statuses


def run() -> None:
    """Run the command line; print one line on stderr for each error that has a known cause.

    The exit status is 2 for bad input, and 1 if the machine or its settings are the cause.
    """
    warnings.formatwarning = lambda text, *where: f"warning: {escaped(str(text))}\n"
    with standard_streams():
        status = _status()
        sys.stderr.flush()
    sys.exit(status)


def _status() -> int:
    """Run the command and return the exit status."""
    try:
        # The libraries are imported here, so that errors and Ctrl-C in imports are reported too.
        from scratchgpt.cli.app import run_command

        status = run_command()
        sys.stdout.flush()
        return status
    except UserError as error:
        return _failed(str(error), BAD_INPUT)
    except KeyboardInterrupt:
        return _failed("interrupted", INTERRUPTED)
    except OutputFailedError as error:
        return FAILED if error.is_broken_pipe else _failed(str(error))
    except MemoryError as error:
        details = f" ({error})" if str(error) else ""
        return _failed(
            f"not enough memory{details}; use a smaller model, batch or input, or free memory"
        )
    except RecursionError:
        return _failed("the input is nested too deeply; simplify it")
    except OSError as error:
        place = "" if error.filename is None else f"{error.filename}: "
        return _failed(f"{place}{error.strerror or error}")
    except ImportError as error:
        cause: BaseException = error
        while cause.__cause__ is not None:  # NumPy explains the cause in many lines
            cause = cause.__cause__
        return _failed(f"cannot import a library: {cause}; check its installation and memory")


def _failed(text: str, status: int = FAILED) -> int:
    message(f"error: {text}")
    return status


if __name__ == "__main__":
    run()
