from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from transactional.pages import images

urlpatterns: list[URLPattern | URLResolver] = [
    path("images/", images.images, name="images"),
]
