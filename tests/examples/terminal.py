"""examples/terminal in a real pseudo-terminal: keys go in, what the screen shows comes out.
Usage: terminal.py WIPPY. The last line is the verdict; the exit code is 0 when all was well."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

DEADLINE = 20.0  # seconds for one expectation; sanitizers and valgrind are slow


class Terminal:
    def __init__(self, command):
        self.text = ""
        self.seen = 0  # what was expected so far ends here
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvp(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    def read(self, seconds):
        """False at the end of output."""
        if select.select([self.fd], [], [], seconds)[0]:
            try:
                data = os.read(self.fd, 4096)
            except OSError:
                return False
            self.text += data.decode("utf-8", "replace")
            return bool(data)
        return True

    def expect(self, pattern):
        """Wait until the output after the last expectation matches."""
        until = time.monotonic() + DEADLINE
        while True:
            found = re.search(pattern, self.text[self.seen:])
            if found:
                self.seen += found.end()
                return
            if time.monotonic() > until or not self.read(0.1):
                raise AssertionError("no %r in %r" % (pattern, self.text[self.seen:][-300:]))

    def type(self, text):
        os.write(self.fd, text.encode())

    def ends(self):
        """Read to the end; the exit code, negative for a signal."""
        until = time.monotonic() + DEADLINE
        while self.read(0.1):
            if time.monotonic() > until:
                os.kill(self.pid, signal.SIGKILL)
                raise AssertionError("does not end")
        status = os.waitpid(self.pid, 0)[1]
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)


def menu_and_editing(start):
    t = start()
    t.expect("what shall I compute")
    assert not t.echoes(), "not in raw mode"
    t.type("\x1b[B\x1b[A\r")  # down, up, enter: the first item
    t.expect("primes up to ")
    t.type("1050\x1b[D\x1b[D\x1b[D\x1b[3~\x1b[F\x7f")  # left three times, delete, end, backspace
    t.type("0\r")
    t.expect(r"\[1\] primes up to 150 \.\.\.")
    t.expect(r"\[1\] 35 primes up to 150")
    t.type("\x1b[A\x010\x1b[C\x0b\r")  # the line before, to its start, a character, to the end of line cut
    t.expect(r"\[2\] primes up to 01 ")
    t.expect(r"\[2\] 0 primes up to 1\b")
    t.type("ten\r")
    t.expect(r"\[3\] no answer: not a whole number")
    t.type("\r")  # an empty line: the menu
    t.expect("what shall I compute")
    t.type("q")
    t.expect("3 asked, 0 without an answer. Good-bye.")
    code = t.ends()
    assert code == 0, "exit code %d" % code


def answers_come_while_typing(start):
    t = start()
    t.expect("what shall I compute")
    t.type("m")
    t.expect("mirror ")
    t.type("stra\u00dfe\r")  # 0.3 s
    t.expect(r"\[1\] mirror stra\u00dfe \.\.\.")
    t.type("half a li")
    t.expect(r"\(1 open\) mirror half a li")
    t.expect(r"\[1\] e\u00dfarts\r\n")
    t.expect(r"mirror half a li")  # what was being typed is still there
    t.type("ne\r")
    t.expect(r"\[2\] mirror half a line \.\.\.")
    t.expect(r"\[2\] enil a flah")
    t.type("a text that is too long to wait for\r")
    t.expect(r"\[3\] mirror .* \.\.\.")
    t.type("\x03")
    t.expect("3 asked, 1 without an answer. Good-bye.")
    code = t.ends()
    assert code == 0, "exit code %d" % code


def a_signal_gives_the_terminal_back(start):
    t = start()
    t.expect("what shall I compute")
    os.kill(t.pid, signal.SIGTERM)
    t.expect("0 asked, 0 without an answer. Good-bye.")
    until = time.monotonic() + DEADLINE
    while not t.echoes():
        assert time.monotonic() < until, "still in raw mode"
        time.sleep(0.01)
    t.ends()


def main():
    command = [sys.argv[1], "run", "-C", "examples/terminal", "terminal"]
    failed = 0
    for test in (menu_and_editing, answers_come_while_typing, a_signal_gives_the_terminal_back):
        try:
            test(lambda: Terminal(command))
        except AssertionError as problem:
            failed += 1
            print("%s: %s" % (test.__name__, problem))
    print("failed" if failed else "ok")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
