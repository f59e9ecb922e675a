"""Prints the licence texts of what the packaged client contains, one distribution after another."""

from importlib.metadata import distributions


def main() -> None:
    for distribution in sorted(distributions(), key=lambda d: d.name.lower()):
        texts = [
            file
            for file in distribution.files or ()
            if any(word in file.name.upper() for word in ("LICENSE", "LICENCE", "COPYING", "NOTICE"))
        ]
        stated = distribution.metadata.get("License-Expression") or distribution.metadata.get("License") or ""
        print(f"{'=' * 100}\n{distribution.name} {distribution.version}  {stated.partition(chr(10))[0]}\n")
        for file in texts:
            path = distribution.locate_file(file)
            print(path.read_text(encoding="utf-8", errors="replace"))  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
