from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from transactional.pages import images, pictures

urlpatterns: list[URLPattern | URLResolver] = [
    path("images/", images.images, name="images"),
    path("settings/pictures/", pictures.pictures, name="settings_pictures"),
    path(
        "settings/pictures/<uuid:image_id>/delete/",
        pictures.picture_delete,
        name="settings_picture_delete",
    ),
]
