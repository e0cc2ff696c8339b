"""Checks whether the output of a model follows the JSON schema that its request asked for."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from fairtrial.domain.limits.json_schema import LARGEST_ANSWER, LARGEST_SCHEMA, BoundedSchema, checked_schema, follows
from gateway.proxy.extraction.chat_metadata import ResponseMetadata

REMEMBERED = 64
"""How many schemas are kept."""

_compiled: dict[bytes, BoundedSchema | None] = {}
_compiling = False


async def follows_schema(schema: bytes, metadata: ResponseMetadata) -> bool | None:
    """Whether the text of an answer follows the schema. Never raises.

    ``None`` is unknown: there is no text but a refusal or a call of a tool, or it is too much work.
    """
    text = metadata.text
    if not text or metadata.refused or len(schema) > LARGEST_SCHEMA or len(text) > LARGEST_ANSWER:
        return None
    if schema not in _compiled and not await _compile(schema):
        return None
    checked = _compiled[schema]
    return None if checked is None else follows(checked, text)


async def _compile(schema: bytes) -> bool:
    """Check the schema in a thread and remember it; false while that thread has another one."""
    global _compiling
    if _compiling:
        return False
    _compiling = True
    try:
        compiled = await asyncio.get_running_loop().run_in_executor(_thread(), checked_schema, schema)
    finally:
        _compiling = False
    if len(_compiled) >= REMEMBERED:
        del _compiled[next(iter(_compiled))]
    _compiled[schema] = compiled
    return True


@lru_cache(maxsize=1)
def _thread() -> ThreadPoolExecutor:
    """A thread for schemas alone, because others wait for the shared ones. The first schema imports a large library."""
    return ThreadPoolExecutor(1, thread_name_prefix="schemas")
