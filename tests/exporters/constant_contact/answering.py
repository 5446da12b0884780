"""A service in hand: it answers every request as it is told, and keeps what it was asked."""

from __future__ import annotations

import json
from typing import Any

import requests


class Service(requests.Session):
    """Answers every request as it is told, the last answer again and again, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[tuple[int, object]] = []
        self.asked: list[requests.PreparedRequest] = []
        self.sent_with: list[dict[str, Any]] = []
        self.answer_headers: dict[str, str] = {}

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        self.asked.append(request)
        self.sent_with.append(options)
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        answer = requests.Response()
        answer.status_code, answer._content, answer.request = status, json.dumps(body).encode(), request
        answer.url = request.url or ""
        answer.headers.update(self.answer_headers)
        return answer

    @property
    def paths(self) -> list[str]:
        return [request.path_url for request in self.asked]
