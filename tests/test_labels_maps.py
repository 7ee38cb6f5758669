"""Every class of every source has a target or a reason; the lists are written by hand."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from drivegrid.labels import DroppedLabel, MappedLabel, default_label_space

SPACE = default_label_space()
REALDATA = Path(
    os.environ.get("DRIVEGRID_REALDATA", Path(__file__).parents[2] / "shared" / "realdata")
)


def lines(text: str) -> list[str]:
    return [name.strip() for name in text.replace("\n", ",").split(",") if name.strip()]


LANE_TYPES = [
    f"{count} {color}" for count in ("single", "double") for color in ("white", "yellow", "other")
]
CLASSES = {
    "tusimple": lines("""lane, 1, 2, 3, 4, 5, 6, 7, continuous yellow, continuous white, dashed,
        double dashed, Botts' dots, double continuous yellow, unknown"""),
    "tusimple_category": lines("0, 1, 2, 3, 4, 5, 6, 7, 8"),
    "drivelm": lines("""Vehicle, Vehicle/car, Vehicle/sedan, Vehicle/suv, Vehicle/hatchback,
        Vehicle/taxi, Vehicle/van, Vehicle/minivan, Vehicle/truck, Vehicle/pickup, Vehicle/bus,
        Vehicle/trailer, Vehicle/ambulance, Vehicle/motorcycle, Vehicle/bicycle, Pedestrian,
        Cyclist, Traffic element, Traffic element/light, Traffic element/red light,
        Traffic element/yellow light, Traffic element/green light, Traffic element/no entry,
        Traffic element/stop sign"""),
    "culane": lines("lane, 0, 1, 2, 3, 4"),
    "openlane": lines("""0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 20, 21, unknown, white-dash,
        white-solid, double-white-dash, double-white-solid, white-ldash-rsolid, white-lsolid-rdash,
        yellow-dash, yellow-solid, double-yellow-dash, double-yellow-solid, yellow-ldash-rsolid,
        yellow-lsolid-rdash, left-curbside, right-curbside"""),
    "openlane_v2": lines("""1, 2, traffic_light, road_sign, 2/0, 2/4, 2/5, 2/6, 2/7, 2/8, 2/9, 2/10,
        2/11, 2/12, go_straight, turn_left, turn_right, no_left_turn, no_right_turn, u_turn,
        no_u_turn, slight_left, slight_right"""),
    "bdd100k": lines("""pedestrian, rider, car, truck, bus, train, motorcycle, bicycle,
        traffic light, traffic sign, person, bike, motor, other person, other vehicle, trailer,
        lane, drivable area, direct, alternative, area/drivable, area/alternative, area/unknown,
        crosswalk, road curb, lane/crosswalk, lane/road curb, lane/road curb solid,
        crosswalk dashed, road, sidewalk, building, wall, fence, pole, vegetation, terrain, sky""")
    + LANE_TYPES
    + [f"lane/{name}" for name in LANE_TYPES]
    + [f"{name} {style}" for name in LANE_TYPES for style in ("solid", "dashed")],
    "cityscapes": lines("""unlabeled, ego vehicle, rectification border, out of roi, static,
        dynamic, ground, road, sidewalk, parking, rail track, building, wall, fence, guard rail,
        bridge, tunnel, pole, polegroup, traffic light, traffic sign, vegetation, terrain, sky,
        person, rider, car, truck, bus, caravan, trailer, train, motorcycle, bicycle, license plate,
        cargroup, persongroup, bicyclegroup"""),
    "nuscenes": lines("""animal, human.pedestrian.adult, human.pedestrian.child,
        human.pedestrian.construction_worker, human.pedestrian.personal_mobility,
        human.pedestrian.police_officer, human.pedestrian.stroller, human.pedestrian.wheelchair,
        movable_object.barrier, movable_object.debris, movable_object.pushable_pullable,
        movable_object.trafficcone, static_object.bicycle_rack, vehicle.bicycle, vehicle.bus.bendy,
        vehicle.bus.rigid, vehicle.car, vehicle.construction, vehicle.emergency.ambulance,
        vehicle.emergency.police, vehicle.motorcycle, vehicle.trailer, vehicle.truck, vehicle.ego,
        flat.driveable_surface, flat.other, flat.sidewalk, flat.terrain, static.manmade,
        static.other, static.vegetation, noise, car, truck, bus, trailer, construction_vehicle,
        pedestrian, motorcycle, bicycle, traffic_cone, barrier"""),
    "kitti": lines("""Car, Van, Truck, Pedestrian, Person_sitting, Cyclist, Tram, Misc, DontCare,
        road, lane"""),
    "coco": lines("""person, bicycle, car, motorcycle, airplane, bus, train, truck, boat,
        traffic light, fire hydrant, stop sign, parking meter, bench, bird, cat, dog, horse, sheep,
        cow, elephant, bear, zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee,
        skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, surfboard,
        tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich,
        orange, broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed,
        dining table, toilet, tv, laptop, mouse, remote, keyboard, cell phone, microwave, oven,
        toaster, sink, refrigerator, book, clock, vase, scissors, teddy bear, hair drier,
        toothbrush"""),
    "camvid": lines("""Animal, Archway, Bicyclist, Bridge, Building, Car, CartLuggagePram, Child,
        Column_Pole, Fence, LaneMkgsDriv, LaneMkgsNonDriv, Misc_Text, MotorcycleScooter,
        OtherMoving, ParkingBlock, Pedestrian, Road, RoadShoulder, Sidewalk, SignSymbol, Sky,
        SUVPickupTruck, TrafficCone, TrafficLight, Train, Tree, Truck_Bus, Tunnel, VegetationMisc,
        Void, Wall, Pole, Pavement, Unlabelled"""),
    "gtsrb": [str(class_id) for class_id in range(43)],
    "mapillary_vistas": lines("""Bird, Ground Animal, Curb, Fence, Guard Rail, Barrier, Wall,
        Bike Lane, Crosswalk - Plain, Curb Cut, Parking, Pedestrian Area, Rail Track, Road,
        Service Lane, Sidewalk, Bridge, Building, Tunnel, Person, Bicyclist, Motorcyclist,
        Other Rider, Lane Marking - Crosswalk, Lane Marking - General, Mountain, Sand, Sky, Snow,
        Terrain, Vegetation, Water, Banner, Bench, Bike Rack, Billboard, Catch Basin, CCTV Camera,
        Fire Hydrant, Junction Box, Mailbox, Manhole, Phone Booth, Pothole, Street Light, Pole,
        Traffic Sign Frame, Utility Pole, Traffic Light, Traffic Sign (Back), Traffic Sign (Front),
        Trash Can, Bicycle, Boat, Bus, Car, Caravan, Motorcycle, On Rails, Other Vehicle, Trailer,
        Truck, Wheeled Slow, Car Mount, Ego Vehicle, Unlabeled"""),
}

VISTAS_V2 = {
    "animal": "bird ground-animal",
    "construction--barrier": "ambiguous concrete-block curb fence guard-rail other-barrier "
    "road-median road-side separator temporary wall",
    "construction--flat": "bike-lane crosswalk-plain curb-cut driveway parking parking-aisle "
    "pedestrian-area rail-track road road-shoulder service-lane sidewalk traffic-island",
    "construction--structure": "bridge building garage tunnel",
    "human--person": "individual person-group",
    "human--rider": "bicyclist motorcyclist other-rider",
    "marking--continuous": "dashed solid zigzag",
    "marking--discrete": "ambiguous arrow--left arrow--other arrow--right "
    "arrow--split-left-or-straight arrow--split-right-or-straight arrow--straight crosswalk-zebra "
    "give-way-row give-way-single hatched--chevron hatched--diagonal other-marking stop-line "
    "symbol--bicycle symbol--other text",
    "marking-only": "continuous--dashed discrete--crosswalk-zebra discrete--other-marking "
    "discrete--text",
    "nature": "mountain sand sky snow terrain vegetation water",
    "object": "banner bench bike-rack catch-basin cctv-camera fire-hydrant junction-box mailbox "
    "manhole parking-meter phone-booth pothole street-light traffic-cone trash-can water-valve",
    "object--sign": "advertisement ambiguous back information other store",
    "object--support": "pole pole-group traffic-sign-frame utility-pole",
    "object--traffic-light": "cyclists general-horizontal general-single general-upright other "
    "pedestrians",
    "object--traffic-sign": "ambiguous back direction-back direction-front front "
    "information-parking temporary-back temporary-front",
    "object--vehicle": "bicycle boat bus car caravan motorcycle on-rails other-vehicle trailer "
    "truck vehicle-group wheeled-slow",
    "void": "car-mount dynamic ego-vehicle ground static unlabeled",
}
V2_NAMES = [f"{group}--{name}" for group, names in VISTAS_V2.items() for name in names.split()]
CLASSES["mapillary_vistas"] += V2_NAMES
CLASSES["mapillary_signs"] = lines("""other-sign, regulatory--stop--g1, regulatory--no-hawkers--g1,
    regulatory--radar-enforced--g1, warning--texts--g3, warning--trail-crossing--g2,
    information--airport--g2, information--stairs--g1, complementary--tow-away-zone--g1,
    complementary--trucks--g1, regulatory--maximum-speed-limit-5--g1, warning--y-roads--g1""")


def test_the_lists_are_complete() -> None:
    assert set(CLASSES) == set(SPACE.sources)
    assert len(V2_NAMES) == len(set(V2_NAMES)) == 124
    assert len(CLASSES["mapillary_vistas"]) == 66 + 124
    assert len(CLASSES["cityscapes"]) == 35 + 3
    assert len(CLASSES["coco"]) == 80


@pytest.mark.parametrize("source", CLASSES)
def test_every_class_has_a_target_or_a_reason(source: str) -> None:
    for name in CLASSES[source]:
        target = SPACE.map_label(source, name)
        if isinstance(target, DroppedLabel):
            assert target.reason.endswith(".")
            continue
        allowed = SPACE.attributes_of(target.path)
        assert all(value in allowed[key] for key, value in target.attributes.items()), name


@pytest.mark.parametrize("source", SPACE.sources)
def test_every_target_of_every_file_exists(source: str) -> None:
    source_map = SPACE.maps[source]
    targets = [t for t in source_map.labels.values() if isinstance(t, MappedLabel)]
    assert targets
    used = [(target.path, target.attributes) for target in targets]
    used += [(rule.path, rule.attributes) for rule in source_map.rules]
    for path, attributes in used:
        assert path in SPACE.paths
        assert set(attributes) <= set(SPACE.attributes_of(path))


DROPPED = {
    "tusimple_category": {"0"},
    "culane": {"0"},
    "cityscapes": {
        "unlabeled",
        "ego vehicle",
        "rectification border",
        "out of roi",
        "static",
        "dynamic",
        "license plate",
    },
    "nuscenes": {"vehicle.ego", "static.other", "noise"},
    "kitti": {"DontCare"},
    "coco": {"airplane", *CLASSES["coco"][24:]},
    "camvid": {"Void", "Unlabelled"},
    "mapillary_vistas": {
        "construction--barrier--road-side",
        "object--cctv-camera",
        "CCTV Camera",
        "Car Mount",
        "Ego Vehicle",
        "Unlabeled",
        "void--car-mount",
        "void--dynamic",
        "void--ego-vehicle",
        "void--static",
        "void--unlabeled",
    },
}


@pytest.mark.parametrize("source", CLASSES)
def test_nothing_else_is_dropped(source: str) -> None:
    dropped = {n for n in CLASSES[source] if isinstance(SPACE.map_label(source, n), DroppedLabel)}
    assert dropped == DROPPED.get(source, set())


@pytest.mark.parametrize(
    ("source", "name", "path", "attributes"),
    [
        ("tusimple", "6", "lane/line", {"style": "double solid", "color": "yellow"}),
        ("tusimple", "Botts' dots", "lane/line", {"style": "botts dots"}),
        ("tusimple_category", "4", "lane/line", {"style": "solid", "color": "yellow"}),
        ("culane", "2", "lane/line", {"role": "ego-left"}),
        ("openlane", "5", "lane/line", {"style": "dashed-solid", "color": "white"}),
        ("openlane", "yellow-lsolid-rdash", "lane/line",
         {"style": "solid-dashed", "color": "yellow"}),
        ("openlane", "20", "lane/curb", {"style": "curb"}),
        ("openlane_v2", "2/10", "sign/regulatory/no_u_turn", {}),
        ("bdd100k", "motor", "object/vehicle/motorcycle", {}),
        ("bdd100k", "lane/double yellow solid", "lane/line",
         {"style": "double solid", "color": "yellow"}),
        ("bdd100k", "lane/single white", "lane/line", {"color": "white"}),
        ("bdd100k", "area/drivable", "area/drivable/direct", {}),
        ("bdd100k", "traffic cone", "obstacle/cone", {}),
        ("cityscapes", "cargroup", "object/vehicle/car", {}),
        ("cityscapes", "polegroup", "obstacle/pole", {}),
        ("nuscenes", "movable_object.trafficcone", "obstacle/cone", {}),
        ("nuscenes", "vehicle.emergency.police", "object/vehicle/emergency/police", {}),
        ("kitti", "Person_sitting", "object/person/pedestrian", {"activity": "sitting"}),
        ("kitti", "Tram", "object/vehicle/train", {}),
        ("camvid", "Pavement", "area/sidewalk", {}),
        ("mapillary_vistas", "marking--discrete--text--school", "lane/text", {}),
        ("mapillary_vistas", "object--traffic-light--general-upright-front", "light/vehicle", {}),
        ("mapillary_signs", "regulatory--stop--g10", "sign/regulatory/stop",
         {"shape": "octagon", "color": "red"}),
        ("mapillary_signs", "regulatory--maximum-speed-limit-led-80--g1",
         "sign/regulatory/speed_limit", {"limit": "80"}),
        ("mapillary_signs", "regulatory--maximum-speed-limit-77--g1",
         "sign/regulatory/speed_limit", {}),
        ("mapillary_signs", "regulatory--end-of-maximum-speed-limit-30--g2",
         "sign/regulatory/end_speed_limit", {"limit": "30"}),
        ("mapillary_signs", "regulatory--one-way-left--g3", "sign/regulatory/one_way", {}),
        ("mapillary_signs", "warning--winding-road-first-left--g2",
         "sign/warning/double_curve", {}),
        ("mapillary_signs", "warning--railroad-crossing-with-barriers--g4",
         "sign/warning/railroad_crossing", {}),
        ("mapillary_signs", "complementary--chevron-right-unsure--g6",
         "sign/complementary/chevron_right", {}),
        ("mapillary_signs", "complementary--maximum-speed-limit-35--g1",
         "sign/complementary/advisory_speed", {"limit": "35"}),
        ("mapillary_signs", "regulatory--no-hawkers--g1", "sign/regulatory", {}),
        ("mapillary_signs", "information--airport--g2", "sign/information", {}),
    ],
)  # fmt: skip
def test_targets_by_hand(source: str, name: str, path: str, attributes: dict[str, str]) -> None:
    assert SPACE.map_label(source, name) == MappedLabel(path, attributes)


@pytest.mark.parametrize(
    ("source", "attribute", "value", "ours"),
    [
        ("bdd100k", "trafficLightColor", "R", {"state": "red"}),
        ("bdd100k", "trafficLightColor", "G", {"state": "green"}),
        ("bdd100k", "trafficLightColor", "Y", {"state": "yellow"}),
        ("bdd100k", "trafficLightColor", "NA", {"state": "unknown"}),
        ("bdd100k", "trafficLightColor", "none", {"state": "unknown"}),
        ("bdd100k", "laneDirection", "vertical", {"direction": "across"}),
        ("bdd100k", "weather", "partly cloudy", {"weather": "cloudy"}),
        ("bdd100k", "scene", "gas stations", {"place": "gas station"}),
        ("bdd100k", "timeofday", "dawn/dusk", {"time": "dusk"}),
        ("bdd100k", "truncated", "true", {"visible_state": "cut off"}),
        ("nuscenes", "attribute", "cycle.with_rider", {"ridden": "with rider"}),
        ("nuscenes", "visibility", "v0-40", {"visible_state": "mostly hidden"}),
        ("kitti", "occluded", "2", {"visible_state": "mostly hidden"}),
        ("openlane", "attribute", "2", {"role": "ego-left"}),
        ("openlane_v2", "attribute", "3", {"state": "yellow"}),
        ("mapillary_signs", "ambiguous", "true", {"visible_state": "unreadable"}),
    ],
)
def test_attribute_values_by_hand(
    source: str, attribute: str, value: str, ours: dict[str, str]
) -> None:
    assert SPACE.map_attribute(source, attribute, value) == ours


VALUES = {
    ("bdd100k", "weather"): "rainy,snowy,clear,overcast,undefined,partly cloudy,foggy",
    ("bdd100k", "scene"):
        "tunnel,residential,parking lot,undefined,city street,gas stations,highway",
    ("bdd100k", "timeofday"): "daytime,night,dawn/dusk,undefined",
    ("bdd100k", "occluded"): "true,false",
    ("nuscenes", "attribute"): """cycle.with_rider,cycle.without_rider,pedestrian.moving,
        pedestrian.sitting_lying_down,pedestrian.standing,vehicle.moving,vehicle.parked,
        vehicle.stopped,vehicle_light.emergency.flashing,vehicle_light.emergency.not_flashing,
        vertical_position.off_ground,vertical_position.on_ground""",
    ("nuscenes", "visibility"): "1,2,3,4,v0-40,v40-60,v60-80,v80-100",
    ("kitti", "occluded"): "0,1,2,3",
    ("openlane", "attribute"): "0,1,2,3,4",
    ("openlane_v2", "attribute"): "0,1,2,3,4,5,6,7,8,9,10,11,12",
}  # fmt: skip


@pytest.mark.parametrize(("source", "attribute"), VALUES)
def test_every_source_value_has_ours_or_a_reason(source: str, attribute: str) -> None:
    for value in lines(VALUES[source, attribute]):
        ours = SPACE.map_attribute(source, attribute, value)
        assert ours.reason if isinstance(ours, DroppedLabel) else ours


def test_gtsrb_classes_keep_43_meanings() -> None:
    mapped = [SPACE.map_label("gtsrb", name) for name in CLASSES["gtsrb"]]
    targets = [target for target in mapped if isinstance(target, MappedLabel)]
    assert len(targets) == 43 and all(t.path.count("/") == 2 for t in targets)
    assert len({repr(target) for target in targets}) == 43
    limits = {i: targets[i].attributes["limit"] for i in (0, 1, 2, 3, 4, 5, 6, 7, 8)}
    assert limits == dict(enumerate("20 30 50 60 70 80 80 100 120".split()))


GROUP_COLORS = {"red-white": "red-white", "red": "red", "blue": "blue",
                "yellow-white": "yellow", "white-grey": "white"}  # fmt: skip


def test_gtsrb_names_and_colors_of_real_crops() -> None:
    table = REALDATA / "gtsrb_crops" / "labels.csv"
    if not table.exists():
        pytest.skip("no real data: set DRIVEGRID_REALDATA")
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert len({row["class_id"] for row in rows}) == 43
    for row in rows:
        target = SPACE.map_label("gtsrb", row["class_id"])
        assert SPACE.map_label("gtsrb", row["class_name"]) == target
        assert isinstance(target, MappedLabel)
        assert target.attributes["color"] == GROUP_COLORS[row["colour_group_derived"]]


@pytest.mark.parametrize(
    ("source", "file", "blank"),
    [("camvid", "camvid11/classes.txt", " "),
     ("tusimple", "tusimple/labels_only/class_mapping.txt", ": ")],
)  # fmt: skip
def test_class_files_of_real_data(source: str, file: str, blank: str) -> None:
    if not (REALDATA / file).exists():
        pytest.skip("no real data: set DRIVEGRID_REALDATA")
    names = [line.split(blank, 1)[1].strip() for line in (REALDATA / file).read_text().splitlines()]
    assert len(names) > 6 and all(SPACE.map_label(source, name) for name in names)
