"""Addresses of the gallery, its pictures and the trash."""

from django.urls import path

from gallery import file_views, views

app_name = "gallery"
urlpatterns = [
    path("gallery/", views.gallery_list, name="gallery-list"),
    path("trash/", views.trash_list, name="trash-list"),
    path("trash/empty/", views.trash_empty, name="trash-empty"),
    path("images/<uuid:public_id>/", views.image_detail, name="image-detail"),
    path("images/<uuid:public_id>/trash/", views.image_trash, name="image-trash"),
    path("images/<uuid:public_id>/restore/", views.image_restore, name="image-restore"),
    path("images/<uuid:public_id>/delete/", views.image_delete, name="image-delete"),
    path("images/<uuid:public_id>/tags/add/", views.tag_add, name="tag-add"),
    path("images/<uuid:public_id>/tags/remove/", views.tag_remove, name="tag-remove"),
    path(
        "images/<uuid:public_id>/<str:size>.webp",
        file_views.image_thumbnail,
        name="image-thumbnail",
    ),
    path(
        "images/<uuid:public_id>/original",
        file_views.image_original,
        name="image-original",
    ),
    path(
        "images/<uuid:public_id>/download",
        file_views.image_download,
        name="image-download",
    ),
]
