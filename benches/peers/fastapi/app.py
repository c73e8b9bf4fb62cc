"""FastAPI on uvicorn with uvloop and httptools: `app.py <port> <processes>`.

The processes share one socket. All leave when standard input ends.
"""

import os
import socket
import sys
import threading
from typing import Annotated, Literal

import uvicorn
from fastapi import FastAPI, Header, Path, Query
from pydantic import BaseModel, Field

app = FastAPI()


class Message(BaseModel):
    message: str


class Item(BaseModel):
    id: int
    q: str
    limit: int
    request_id: str


class DataItem(BaseModel):
    id: Annotated[int, Field(ge=1)]
    value: Annotated[float, Field(ge=0)]
    name: Annotated[str | None, Field(max_length=100)] = None


class ProcessData(BaseModel):
    data: Annotated[list[DataItem], Field(min_length=1, max_length=1000)]
    processing_type: Literal["standard", "advanced", "premium"]


class Processed(BaseModel):
    count: int
    total: float
    processing_type: str


@app.get("/json")
async def json() -> Message:
    return Message(message="Hello, World!")


@app.get("/items/{id}")
async def items(
    id: Annotated[int, Path(ge=1)],
    q: Annotated[str, Query(min_length=1, max_length=50)],
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    x_request_id: Annotated[str, Header()] = "unknown",
) -> Item:
    return Item(id=id, q=q, limit=limit, request_id=x_request_id)


@app.post("/process")
async def process(body: ProcessData) -> Processed:
    return Processed(
        count=sum(item.id > 0 and item.name is not None for item in body.data),
        total=sum(item.value for item in body.data),
        processing_type=body.processing_type,
    )


@app.get("/plain")
def plain() -> Message:
    return Message(message="Hello, World!")


def leave_with_standard_input():
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen(1024)
    for _ in range(int(sys.argv[2]) - 1):
        if os.fork() == 0:
            break
    threading.Thread(target=leave_with_standard_input, daemon=True).start()
    config = uvicorn.Config(app, loop="uvloop", http="httptools", access_log=False, log_level="warning")
    uvicorn.Server(config).run(sockets=[listener])
