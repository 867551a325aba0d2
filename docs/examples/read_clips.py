"""Keep a folder with one text file a published clip: python read_clips.py FOLDER

The settings are those of the service, from CLIPVEIL_CONFIG or the environment; they need brokers, registry and topic.
"""

import asyncio
import sys
from pathlib import Path

from stream.reader import SAMPLE_RATE_HZ, AnonymizedClip, Unreadable, open_clips

FOLDER = Path(sys.argv[1])


def keep(clip: AnonymizedClip) -> None:
    """By its token: a clip that comes a second time replaces itself, and nothing is there twice."""
    words = " ".join(word.text for word in clip.words)
    heard = sum(kept.duration for kept in clip.kept)
    line = f"{words} ({heard:.1f} of {len(clip.samples) / SAMPLE_RATE_HZ:.1f} s)\n"
    (FOLDER / f"{clip.metadata.token}.txt").write_text(line, encoding="utf-8")


async def drop(token: str) -> None:
    """Taken back: everything that is kept under its token goes, and what was made of it."""
    (FOLDER / f"{token}.txt").unlink(missing_ok=True)


async def main() -> None:
    async with open_clips(group="example-reader", erased=drop) as clips:
        while True:
            try:
                keep(await anext(clips))
            except Unreadable as error:  # tell somebody; what was kept under its token is not what was published last
                print(error, file=sys.stderr)
                if error.token:
                    await drop(error.token)
            await clips.commit()  # only now: after a crash the clip comes again


if __name__ == "__main__":
    asyncio.run(main())
