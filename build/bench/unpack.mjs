// node unpack.mjs IN.glb OUT.glb: writes a glTF file without Draco compression,
// which Debian's Blender cannot read. The bench copies it beside the packages it needs.
import { NodeIO } from "@gltf-transform/core";
import { ALL_EXTENSIONS } from "@gltf-transform/extensions";
import draco from "draco3dgltf";

const [input, output] = process.argv.slice(2);
const io = new NodeIO()
  .registerExtensions(ALL_EXTENSIONS)
  .registerDependencies({ "draco3d.decoder": await draco.createDecoderModule() });
const document = await io.read(input);
for (const extension of document.getRoot().listExtensionsUsed()) {
  if (extension.extensionName === "KHR_draco_mesh_compression") extension.dispose();
}
await io.write(output, document);
