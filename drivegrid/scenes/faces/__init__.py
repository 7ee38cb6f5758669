"""Sign faces as vector drawings.

>>> FACES["eu speed limit 50"].attributes
{'limit': '50'}
"""

from drivegrid.scenes.faces.atlas import face_atlas
from drivegrid.scenes.faces.catalogue import FACES, FaceImage, face_image
from drivegrid.scenes.faces.face import Face, face_outline

__all__ = ["FACES", "Face", "FaceImage", "face_atlas", "face_image", "face_outline"]
