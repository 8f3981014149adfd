"""What mails show, at the root, for everybody."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from transactional.pages import images

urlpatterns: list[URLPattern | URLResolver] = [
    path("media/<uuid:image_id>.<slug:extension>", images.media, name="media"),
]
