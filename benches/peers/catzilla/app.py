"""Catzilla, as its documents show it: `app.py <port> <processes>`.

It serves from one process; the second argument is not used.
"""

import sys
from typing import List, Optional

from catzilla import BaseModel, Catzilla, Field, Header, JSONResponse, Path, Query, Request, Response

app = Catzilla(production=True, show_banner=False, log_requests=False)


class DataItem(BaseModel):
    id: int = Field(ge=1)
    value: float = Field(ge=0.0)
    name: Optional[str] = Field(default=None, max_length=100)


class ProcessData(BaseModel):
    data: List[DataItem]
    processing_type: str = Field(regex="^(standard|advanced|premium)$")


@app.get("/json")
def json(request: Request) -> Response:
    return JSONResponse({"message": "Hello, World!"})


@app.get("/items/{id}")
def items(
    request: Request,
    id: int = Path(..., ge=1),
    q: str = Query(..., min_length=1, max_length=50),
    limit: int = Query(20, ge=1, le=100),
    x_request_id: str = Header("unknown", alias="x-request-id"),
) -> Response:
    return JSONResponse({"id": id, "q": q, "limit": limit, "request_id": x_request_id})


@app.post("/process")
def process(request: Request, body: ProcessData) -> Response:
    return JSONResponse(
        {
            "count": sum(item.id > 0 and item.name is not None for item in body.data),
            "total": sum(item.value for item in body.data),
            "processing_type": body.processing_type,
        }
    )


@app.get("/plain")
def plain(request: Request) -> Response:
    return JSONResponse({"message": "Hello, World!"})


if __name__ == "__main__":
    app.listen(port=int(sys.argv[1]), host="127.0.0.1")
