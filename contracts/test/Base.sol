// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Escrow} from "../src/Escrow.sol";
import {SNM} from "../src/SNM.sol";

/// The part of forge's cheat codes that is used here.
interface Vm {
    function prank(address) external;
    function startPrank(address) external;
    function stopPrank() external;
    function sign(uint256 key, bytes32 digest) external pure returns (uint8, bytes32, bytes32);
    function addr(uint256 key) external pure returns (address);
    function warp(uint256) external;
    function chainId(uint256) external;
    function etch(address, bytes calldata) external;
    function expectRevert(bytes calldata) external;
    function expectRevert(bytes4) external;
    function assume(bool) external pure;
    function readFile(string calldata) external view returns (string memory);
    function parseJsonString(string calldata, string calldata) external pure returns (string memory);
    function parseJsonAddress(string calldata, string calldata) external pure returns (address);
    function parseJsonBytes32(string calldata, string calldata) external pure returns (bytes32);
    function parseJsonBytes(string calldata, string calldata) external pure returns (bytes memory);
    function parseJsonUint(string calldata, string calldata) external pure returns (uint256);
    function snapshotGasLastCall(string calldata group, string calldata name) external returns (uint256);
}

/// One token, one Escrow at 1 %, one buyer with a deposit and a device.
abstract contract Base {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    uint256 internal constant BUYER = 0xB0B;
    uint256 internal constant DEVICE = 0xDE71CE;
    uint256 internal constant FEE_BPS = 100;
    uint256 internal constant SUPPLY = 444_000_000e18;
    address internal constant SINK = address(0x51);

    bytes32 internal constant VOUCHER =
        keccak256("Voucher(address buyer,address seller,uint32 epoch,uint128 total)");
    bytes32 internal constant BATCH = keccak256("Batch(address buyer,uint32 epoch,bytes payees)");
    bytes32 internal constant DELEGATION =
        keccak256("Delegation(address account,address device,uint8 purposes,uint128 cap,uint64 expiry)");

    SNM internal token;
    Escrow internal escrow;
    address internal buyer;
    address internal device;

    function deploy() internal {
        vm.warp(1_700_000_000);
        token = new SNM();
        escrow = new Escrow(IERC20(address(token)), SINK, FEE_BPS);
        buyer = vm.addr(BUYER);
        device = vm.addr(DEVICE);
        give(buyer, 1_000_000e18);
    }

    /// Tokens for an account, and leave for Escrow to take them.
    function give(address who, uint256 amount) internal {
        require(token.transfer(who, amount), "transfer");
        vm.prank(who);
        token.approve(address(escrow), type(uint256).max);
    }

    function deposit(uint128 amount) internal {
        vm.prank(buyer);
        escrow.deposit(amount);
    }

    function seller(uint256 i) internal pure returns (address) {
        return vm.addr(0x5E11E4 + i);
    }

    function sign(uint256 key, bytes32 structHash) internal view returns (bytes memory) {
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", escrow.domainSeparator(), structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function signVoucher(uint256 key, Escrow.Voucher memory v) internal view returns (bytes memory) {
        return sign(key, keccak256(abi.encode(VOUCHER, v.buyer, v.seller, v.epoch, v.total)));
    }

    function signBatch(uint256 key, address who, uint32 epoch, bytes memory payees) internal view returns (bytes memory) {
        return sign(key, keccak256(abi.encode(BATCH, who, epoch, keccak256(payees))));
    }

    function signDelegation(uint256 key, Escrow.Delegation memory d) internal view returns (bytes memory) {
        return sign(key, keccak256(abi.encode(DELEGATION, d.account, d.device, d.purposes, d.cap, d.expiry)));
    }

    function grant(uint8 purposes, uint128 cap) internal view returns (Escrow.Delegation memory) {
        return Escrow.Delegation(buyer, device, purposes, cap, uint64(block.timestamp + 30 days));
    }

    function voucher(address to, uint128 total) internal view returns (Escrow.Voucher memory) {
        return Escrow.Voucher(buyer, to, epochOf(buyer), total);
    }

    function balanceOf(address who) internal view returns (uint256 balance) {
        (balance,,) = escrow.accounts(who);
    }

    function epochOf(address who) internal view returns (uint32 epoch) {
        (,, epoch) = escrow.accounts(who);
    }

    function spentBy(address who) internal view returns (uint256 spent) {
        (, spent,,,) = escrow.devices(buyer, who);
    }

    function net(uint256 amount) internal pure returns (uint256) {
        return amount - amount * FEE_BPS / 10_000;
    }

    function eq(uint256 got, uint256 want, string memory what) internal pure {
        require(got == want, string.concat(what, ": ", dec(got), ", want ", dec(want)));
    }

    function dec(uint256 n) private pure returns (string memory s) {
        if (n == 0) return "0";
        while (n != 0) {
            s = string.concat(string(abi.encodePacked(uint8(48 + n % 10))), s);
            n /= 10;
        }
    }
}
