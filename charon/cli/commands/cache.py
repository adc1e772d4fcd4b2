"""List, show or delete prepared sets."""

import argparse
from pathlib import Path
from typing import Any

from charon.cli.clips import add_cache_argument, cache_dir
from charon.cli.commands.prepare import print_summary, summary
from charon.cli.console import add_json_argument, print_json
from charon.data.cache.archive import (
    Archive,
    delete_archive,
    find_archive,
    list_archives,
    num_bytes_of,
)
from charon.errors import DataError
from charon.text import byte_size, counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for name, act, help in (
        ("list", _list, "list the prepared sets"),
        ("show", _show, "say what sets hold, with every clip left out"),
        ("delete", _delete, "delete prepared sets"),
    ):
        action = actions.add_parser(name, help=help, allow_abbrev=False)
        action.set_defaults(act=act)
        if act is not _list:
            action.add_argument(
                "names", metavar="NAME", nargs="+", help="as `charon cache list` has it"
            )
        add_cache_argument(action)
        add_json_argument(action)


def main(options: argparse.Namespace) -> int:
    """Do what was asked."""
    options.act(options)
    return 0


def _list(options: argparse.Namespace) -> None:
    folder = cache_dir(options)
    paths = list_archives(folder)
    if options.json:
        print_json([_described(path) for path in paths])
        return
    print(f"{counted(len(paths), 'prepared set')} in {folder}")
    width = max((len(path.name) for path in paths), default=0)
    for path in paths:
        try:
            archive = Archive(path)
            about = f"{counted(archive.num_clips, 'clip'):>14}  from {archive.source}"
        except DataError as error:
            about = str(error)
        print(f"  {path.name:<{width}}  {byte_size(num_bytes_of(path)):>8}  {about}")


def _described(path: Path) -> dict[str, Any]:
    try:
        return summary(Archive(path))
    except DataError as error:
        return {"name": path.name, "path": str(path), "error": str(error)}


def _show(options: argparse.Namespace) -> None:
    archives = [Archive(find_archive(cache_dir(options), name)) for name in options.names]
    if options.json:
        print_json([summary(archive) for archive in archives])
        return
    for name, archive in zip(options.names, archives, strict=True):
        print(f"{name}, from {archive.source}")
        print_summary(archive)
        for clip, reason in archive.unreadable:
            print(f"  left out     {clip}: {reason}")


def _delete(options: argparse.Namespace) -> None:
    deleted = []
    for name in options.names:
        path = find_archive(cache_dir(options), name)
        deleted.append({"name": name, "bytes": num_bytes_of(path)})
        delete_archive(path)
        if not options.json:
            print(f"Deleted {name}: {byte_size(deleted[-1]['bytes'])}.")
    if options.json:
        print_json(deleted)
