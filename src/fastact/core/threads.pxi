# The number of threads, for fastact._threads.

def start_threads(int n):
    """n threads for the process, and heed forks from now on."""
    threads_start(n)


def has_threads():
    return bool(HAS_THREADS)


def get_threads():
    """(what the process takes, what the calling thread takes or 0, what its next call will take)"""
    return threads_shared(), threads_of_caller, threads_wanted()


def set_threads(int of_process, int of_caller):
    """For the process (0: as it is), and for the calling thread (0: as the process)."""
    threads_set(of_process, of_caller)
