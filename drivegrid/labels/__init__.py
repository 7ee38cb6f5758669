"""The taxonomy: label paths, words, attributes, attribute tasks and maps from public data sets.

>>> space = default_label_space()
>>> space.words("obstacle/cone"), space.find("the cones beside that bus")
('cone', ['obstacle/cone', 'object/vehicle/bus'])
"""

from drivegrid.labels.load import default_label_space, load_label_space
from drivegrid.labels.mapping import DroppedLabel, MappedLabel, SourceMap
from drivegrid.labels.space import AttributeTask, Label, LabelSpace

__all__ = [
    "AttributeTask",
    "DroppedLabel",
    "Label",
    "LabelSpace",
    "MappedLabel",
    "SourceMap",
    "default_label_space",
    "load_label_space",
]
