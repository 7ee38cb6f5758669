"""Conversations: what a model is trained on, from scenes, without a look at any picture."""

from __future__ import annotations

from drivegrid.tasks.conversations.convert import convert
from drivegrid.tasks.conversations.export import FORMS, export
from drivegrid.tasks.conversations.files import load_records, save_records
from drivegrid.tasks.conversations.record import Message, Record

__all__ = ["FORMS", "Message", "Record", "convert", "export", "load_records", "save_records"]
