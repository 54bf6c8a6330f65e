# SPDX-License-Identifier: GPL-2.0-or-later
"""Renders a glTF scene with Cycles as the path tracer would: runs inside Blender.

    blender -b --factory-startup --python cycles.py -- ORDER.json REPORT.json

ORDER is {scene, frame, width, height, bounces, sky, renders}: sky is null,
{"color": [r, g, b]} or {"file": path}, which with an export is also written
there as .hdr, even if there is no scene; each of renders is {samples, seed,
threads, out} and becomes a linear 32-bit OpenEXR file. REPORT gets the
processor seconds of each, scene set-up included, and, where the scene has no
camera, the one that was put up: its matrix (glTF's axes, by columns) and its
vertical field of view in radians.

It is a work of its own that uses Blender's Python API; the rest of the project
neither links nor ships it with its programs.
"""

import json
import math
import os
import resource
import struct
import sys

import bpy
import numpy
from mathutils import Matrix, Vector

numpy.bool = bool  # the importer of 3.4 asks for a name that numpy 1.24 dropped


def document(path):
    """The JSON of a .glb or .gltf file."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:4] == b"glTF":
        length = struct.unpack_from("<I", data, 12)[0]
        data = data[20 : 20 + length]
    return json.loads(data)


def load(path, frame):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=path)
    scene = bpy.context.scene
    scene.frame_set(frame)
    return scene


def mend_materials(gltf):
    """What the importer of 3.4 drops of KHR_materials_specular: the factor. Without
    any specular layer glTF's surface is plain Lambert, which is Cycles' diffuse."""
    for described in gltf.get("materials", []):
        specular = described.get("extensions", {}).get("KHR_materials_specular")
        made = bpy.data.materials.get(described.get("name", ""))
        if specular is None or made is None:
            continue
        factor = specular.get("specularFactor", 1)
        principled = next(n for n in made.node_tree.nodes if n.type == "BSDF_PRINCIPLED")
        principled.inputs["Specular"].default_value = factor / 2
        metal = described.get("pbrMetallicRoughness", {}).get("metallicFactor", 1)
        if factor == 0 and metal == 0 and "emissiveFactor" not in described:
            make_diffuse(made.node_tree, principled)


def make_diffuse(tree, principled):
    diffuse = tree.nodes.new("ShaderNodeBsdfDiffuse")
    color = principled.inputs["Base Color"]
    diffuse.inputs["Color"].default_value = color.default_value
    if color.links:
        tree.links.new(color.links[0].from_socket, diffuse.inputs["Color"])
    for link in list(principled.outputs["BSDF"].links):
        tree.links.new(diffuse.outputs["BSDF"], link.to_socket)


def first_camera(gltf):
    """The camera that comes first in a walk over the scene's nodes: (node, camera)."""
    scenes, nodes = gltf.get("scenes", []), gltf.get("nodes", [])
    pending = list(reversed(scenes[gltf.get("scene", 0)].get("nodes", []))) if scenes else []
    while pending:
        node = nodes[pending.pop()]
        if "camera" in node:
            return node, gltf["cameras"][node["camera"]]
        pending.extend(reversed(node.get("children", [])))
    return None, None


def bounds():
    low, high = Vector([math.inf] * 3), Vector([-math.inf] * 3)
    for instance in bpy.context.evaluated_depsgraph_get().object_instances:
        if instance.object.type != "MESH" or instance.object.hide_render:
            continue
        for vertex in instance.object.data.vertices:
            p = instance.matrix_world @ vertex.co
            low = Vector(map(min, low, p))
            high = Vector(map(max, high, p))
    return low, high


UP = Matrix(((1, 0, 0, 0), (0, 0, -1, 0), (0, 1, 0, 0), (0, 0, 0, 1)))  # glTF's axes to Blender's


def framing(aspect):
    """A camera that sees everything from the front, the right and above."""
    low, high = bounds()
    yfov = 0.7
    half = math.atan(math.tan(yfov / 2) * min(aspect, 1))
    back = Vector((0.55, -1, 0.4)).normalized()
    # The ball around the scene is larger than what is seen of it: 0.8 fills the frame better.
    eye = (low + high) / 2 + back * (0.8 * (high - low).length / 2 / math.sin(half))
    rotation = (-back).to_track_quat("-Z", "Y").to_matrix().to_4x4()
    return Matrix.Translation(eye) @ rotation, yfov


def put_camera(scene, gltf, aspect):
    """Chooses the camera, with its height as glTF means it and without clipping."""
    node, camera = first_camera(gltf)
    placed = None
    if node is None:
        matrix, yfov = framing(aspect)
        data = bpy.data.cameras.new("frame")
        scene.camera = bpy.data.objects.new("frame", data)
        scene.camera.matrix_world = matrix
        scene.collection.objects.link(scene.camera)
        gltf_matrix = UP.inverted() @ matrix
        placed = {"matrix": [v for column in gltf_matrix.transposed() for v in column], "yfov": yfov}
    else:
        cameras = [o for o in scene.objects if o.type == "CAMERA"]
        named = [o for o in cameras if node.get("name") in (o.name, o.data.name, o.parent and o.parent.name)]
        scene.camera = (named or cameras)[0]
        data = scene.camera.data
        yfov = camera.get("perspective", {}).get("yfov")
    if yfov:
        data.sensor_fit = "VERTICAL"
        data.angle_y = yfov
    else:
        orthographic = camera["orthographic"]
        data.sensor_fit = "VERTICAL"
        data.ortho_scale = 2 * orthographic["ymag"]
    data.clip_start, data.clip_end = 1e-5, 1e9
    return placed


def put_sky(scene, sky):
    world = bpy.data.worlds.new("sky")
    scene.world = world
    world.use_nodes = True
    background = world.node_tree.nodes["Background"]
    background.inputs["Color"].default_value = (*(sky or {}).get("color", (0, 0, 0)), 1)
    background.inputs["Strength"].default_value = 1
    if sky and sky.get("file"):
        picture = world.node_tree.nodes.new("ShaderNodeTexEnvironment")
        picture.image = bpy.data.images.load(sky["file"])
        if sky.get("export"):
            save_hdr(picture.image, sky["export"])
        world.node_tree.links.new(picture.outputs["Color"], background.inputs["Color"])


def save_hdr(image, path):
    values = numpy.empty(len(image.pixels), numpy.float32)
    image.pixels.foreach_get(values)
    copy = bpy.data.images.new("copy", *image.size, float_buffer=True)
    copy.pixels.foreach_set(values)
    copy.filepath_raw, copy.file_format = path, "HDR"
    copy.save()


def settle(scene, order):
    """Plain path tracing: nothing clamped, blurred, denoised, adapted or left out."""
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = order["width"], order["height"]
    scene.render.resolution_percentage = 100
    scene.render.pixel_aspect_x = scene.render.pixel_aspect_y = 1
    scene.render.use_persistent_data = False
    scene.render.film_transparent = False
    scene.render.use_motion_blur = False
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_depth = "32"
    scene.render.image_settings.color_mode = "RGB"
    scene.render.image_settings.exr_codec = "ZIP"
    cycles = scene.cycles
    cycles.device = "CPU"
    cycles.use_adaptive_sampling = False
    cycles.use_denoising = False
    cycles.sample_clamp_direct = cycles.sample_clamp_indirect = 0
    cycles.blur_glossy = 0
    cycles.light_sampling_threshold = 0
    cycles.caustics_reflective = cycles.caustics_refractive = True
    cycles.pixel_filter_type = "BOX"
    cycles.filter_width = 1
    cycles.max_bounces = order["bounces"]
    cycles.diffuse_bounces = cycles.glossy_bounces = cycles.transmission_bounces = order["bounces"]
    cycles.transparent_max_bounces = 64
    cycles.time_limit = 0


def cpu():
    use = resource.getrusage(resource.RUSAGE_SELF)
    return use.ru_utime + use.ru_stime


def render(scene, one):
    scene.render.threads_mode = "FIXED" if one["threads"] else "AUTO"
    if one["threads"]:
        scene.render.threads = one["threads"]
    scene.cycles.samples = one["samples"]
    scene.cycles.seed = one["seed"]
    scene.render.filepath = one["out"]
    start = cpu()
    bpy.ops.render.render(write_still=True)
    taken = cpu() - start
    if not os.path.exists(one["out"]):
        raise RuntimeError("Cycles wrote no " + one["out"])
    return taken


def main():
    order_path, report_path = sys.argv[sys.argv.index("--") + 1 :]
    with open(order_path) as file:
        order = json.load(file)
    if not order["scene"]:
        put_sky(bpy.context.scene, order["sky"])
        return finish(report_path, {"version": bpy.app.version_string, "camera": None, "cpu_s": []})
    scene = load(order["scene"], order["frame"])
    gltf = document(order["scene"])
    mend_materials(gltf)
    placed = put_camera(scene, gltf, order["width"] / order["height"])
    put_sky(scene, order["sky"])
    settle(scene, order)
    finish(report_path, {"version": bpy.app.version_string, "camera": placed, "cpu_s": [render(scene, one) for one in order["renders"] or []]})


def finish(path, report):
    with open(path, "w") as file:
        json.dump(report, file)


try:
    main()
except Exception as error:  # Blender itself would go on and end well
    print("cycles.py:", error, file=sys.stderr)
    sys.exit(1)
