"""Where services ring when accepted work is done.

A ring is a hint that makes the next poll come sooner. Nothing in it is believed: the
result is what the poll says, so that one forged, early or repeated does no harm.
"""

import logging
import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from generators import connections, errors, moves, wake
from generators.contracts import Lane
from generators.models import Connection

MAX_BYTES = 65_536

logger = logging.getLogger(__name__)


@csrf_exempt
@require_POST
def webhook(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Take one ring: 204 once its signature holds, whatever became of the job."""
    connection = get_object_or_404(Connection, public_id=public_id, enabled=True)
    body = request.read(MAX_BYTES + 1)  # a length may be missing, or a lie
    if len(body) > MAX_BYTES:
        return HttpResponse(status=413)
    headers = {name.lower(): text for name, text in request.headers.items()}
    try:
        provider = connections.bound(connection)
        with errors.hiding(connections.key_of(provider)):
            news = provider.read_webhook(headers, body)
    except errors.ProviderError as error:
        logger.warning("A webhook of %s was refused: %s", connection, error.detail)
        return HttpResponse(status=403)
    if moves.hurry_poll(connection, news.external_id):
        wake.ring(Lane.REMOTE)
    return HttpResponse(status=204)
