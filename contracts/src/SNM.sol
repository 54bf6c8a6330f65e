// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title SNM for local and test networks.
/// @notice Where the token of 2017 exists, Escrow is given that one; this one has its supply and adds permit.
contract SNM is ERC20, ERC20Permit {
    /// @dev 444,000,000 SNM: the supply of the token of 2017.
    constructor() ERC20("SONM", "SNM") ERC20Permit("SONM") {
        _mint(msg.sender, 444_000_000e18);
    }
}
