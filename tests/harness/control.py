"""What an emulator is told to do, in a file that it reads anew for each operation (tests/emulators/tsm/control.h)."""
import os


class Control:
    def __init__(self, path):
        self.control, self.edition = path, 0
        self.say()

    def say(self, **orders):
        """say(read_error="EBUSY*2"): replaces what was said before."""
        self.edition += 1
        lines = [f"edition={self.edition}"] + [f"{key.replace('_', '-')}={value}" for key, value in orders.items()]
        temporary = self.control + ".new"
        with open(temporary, "w") as f:
            f.write("\n".join(lines) + "\n")
        os.replace(temporary, self.control)
